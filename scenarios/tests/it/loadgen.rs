//! LoadGen configurations, read as loads.

use std::path::Path;

use floodgate_engine::time::Duration;
use floodgate_scenarios::catalogue::Source;
use floodgate_scenarios::experiment::run::{Run, run};
use floodgate_scenarios::import::loadgen::{LoadGen, Options, into_scenario};
use floodgate_scenarios::plan::load::Load;
use floodgate_scenarios::plan::lots::{Controller, Lots, Monitor, Resend};
use floodgate_scenarios::plan::rate::Rate;
use floodgate_scenarios::plan::size::Sizes;
use floodgate_scenarios::plan::{Problem, Problems, Scenario};
use proptest::prelude::*;

const SAMPLE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<LoadGenFramework>
  <CommonSection>
    <LoadGenVersion>2</LoadGenVersion>
    <NumThreadsPerSection>5</NumThreadsPerSection>
    <SleepInterval>200</SleepInterval>
    <LotSizePerInterval>25</LotSizePerInterval>
    <StopMode Mode="Files"><NumFiles>5000</NumFiles></StopMode>
    <Transport Name="FILE"><Assembly>FileTransport.dll/FileTransport.FileTransport</Assembly></Transport>
    <ThrottleController Mode="Custom">
      <Monitor Name="File">
        <ThresholdRange>1000-2000</ThresholdRange>
        <Parameters>a</Parameters><Parameters>b</Parameters>
        <SleepInterval>9999</SleepInterval>
      </Monitor>
    </ThrottleController>
  </CommonSection>
  <Section Name="Small">
    <SrcFilePath>@FilePath\Size_2K.xml</SrcFilePath>
    <DstLocation><Parameters><DstFilePath>C:\Drop</DstFilePath></Parameters></DstLocation>
  </Section>
  <Section Name="Large &amp; slow">
    <SrcFilePath>C:\Loads\order.xml</SrcFilePath>
    <NumThreadsPerSection>1</NumThreadsPerSection>
    <SleepInterval>400</SleepInterval>
    <StopMode Mode="Time"><TotalTime>1800</TotalTime></StopMode>
    <Weather>rain<Wind/></Weather>
  </Section>
</LoadGenFramework>
"#;

fn options() -> Options {
    Options { to: "Orders".to_owned(), ..Options::default() }
}

fn read(bytes: &[u8]) -> Result<LoadGen, Problems> {
    LoadGen::read("load.xml", bytes, &options())
}

fn loads(loadgen: &LoadGen) -> Vec<&Load> {
    loadgen.loads.iter().map(|(_, load)| load).collect()
}

fn lots(load: &Load) -> &Lots {
    let Rate::Lots(lots) = &load.rate else { panic!("{:?}", load.rate) };
    lots
}

/// The published sample.
fn sample() -> Lots {
    let sleep = Duration::from_millis(200);
    let retry = Resend { number: 1000, interval: Duration::from_secs(10) };
    Lots { threads: 5, lot: 25, sleep, retry, ..Lots::default() }
}

#[test]
fn what_a_section_does_about_failed_sends_is_carried_over() {
    let section = |says: &str| {
        let text = format!("<LoadGenFramework><Section>{says}</Section></LoadGenFramework>");
        let loadgen = read(text.as_bytes()).unwrap();
        let said = loadgen.warnings.iter().filter(|said| said.message().contains("Retry")).count();
        (lots(loads(&loadgen)[0]).retry, said)
    };
    let resend = |number, millis| Resend { number, interval: Duration::from_millis(millis) };
    let both = "<RetryInterval>250</RetryInterval><RetryNumber>3</RetryNumber>";
    assert_eq!(section(both), (resend(3, 250), 0));
    assert_eq!(section("<RetryNumber>0</RetryNumber>"), (resend(0, 10_000), 0));
    assert_eq!(section("<RetryInterval>0</RetryInterval>"), (resend(1000, 1), 1));
    assert_eq!(section("<RetryNumber>9999999</RetryNumber>"), (resend(1_000_000, 10_000), 1));
}

#[test]
fn sections_override_the_common_section() {
    let loadgen = read(SAMPLE.as_bytes()).unwrap();
    let loads = loads(&loadgen);
    assert_eq!(loads.len(), 2);
    assert_eq!((loads[0].name.as_str(), loads[0].to.as_str()), ("Small", "Orders"));
    assert_eq!(
        (loads[0].size.constant(), loads[0].count, loads[0].measure),
        (Some(2048), Some(5000), None)
    );
    let files = Controller {
        monitor: Monitor::Files,
        server: None,
        low: 1000.0,
        high: 2000.0,
        poll: Duration::from_millis(9999),
        step: 0.1,
    };
    let send = Duration::from_millis(1);
    let expected = Lots { send, controller: Some(files), ..sample() };
    assert_eq!(lots(loads[0]), &expected);
    assert_eq!(loads[1].name, "Large & slow");
    assert_eq!((lots(loads[1]).threads, lots(loads[1]).lot), (1, 25));
    assert_eq!(loads[1].measure, Some(Duration::from_secs(1800)));
    assert_eq!((loads[1].size.constant(), loads[1].count), (Some(10_240), None));
    let said: Vec<String> = loadgen.warnings.iter().map(Problem::located).collect();
    assert_eq!(
        said,
        [
            "load.xml:11:7: 'ThrottleController' of section 'Small' watches 'a', 'b', \
             and the section sends to 'C:\\Drop': taken as what waits where the load goes to",
            "load.xml:11:7: 'ThrottleController': how long a send takes is not said for section 'Small': taken as 1 ms",
            "load.xml:11:7: 'ThrottleController': how long a send takes is not said for section 'Large & slow': taken as 1 ms",
            "load.xml:22:3: section 'Large & slow': the size of its source is not known, taken as 10 KB",
            "load.xml:27:5: unknown element 'Weather'",
        ]
    );
}

#[test]
fn the_toml_of_the_loads_is_what_a_scenario_reads() {
    let loadgen = read(SAMPLE.as_bytes()).unwrap();
    let toml = loadgen.to_toml();
    assert!(toml.contains("source @FilePath\\Size_2K.xml"), "{toml}");
    let (_, smoke) = floodgate_scenarios::catalogue::CATALOGUE
        .iter()
        .find(|(name, _)| *name == "smoke")
        .unwrap();
    let (plant, _) = smoke.split_once("[[load]]").unwrap();
    let scenario = Scenario::parse("t", format!("{plant}\n{toml}").as_bytes(), Path::new(""), &[]);
    let scenario = scenario.unwrap();
    assert_eq!(scenario.loads.iter().collect::<Vec<_>>(), loads(&loadgen));
}

#[test]
fn a_scenario_gets_the_loads_instead_of_its_own() {
    let smoke = || Source::find("smoke").unwrap().read(&[]).unwrap();
    let loadgen = read(SAMPLE.as_bytes()).unwrap();
    let scenario = into_scenario(&loadgen, smoke()).unwrap();
    assert_eq!(scenario.loads.len(), 2);
    assert_eq!(scenario.expect.processed, None, "it was about the old loads");
    assert!(scenario.expect.suspended.is_some());
    let nowhere = Options { to: "Nowhere".to_owned(), ..options() };
    let loadgen = LoadGen::read("load.xml", SAMPLE.as_bytes(), &nowhere).unwrap();
    let problems = into_scenario(&loadgen, smoke()).unwrap_err();
    assert!(problems.problems()[0].message().contains("no receive port is called 'Nowhere'"));
}

#[test]
fn utf_16_and_byte_order_marks_are_read() {
    let expected = read(SAMPLE.as_bytes()).unwrap();
    let units: Vec<u16> = SAMPLE.encode_utf16().collect();
    let with_mark = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        mark.into_iter().chain(units.iter().flat_map(|unit| bytes(*unit))).collect()
    };
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    for bytes in [
        with_mark([0xff, 0xfe], u16::to_le_bytes),
        with_mark([0xfe, 0xff], u16::to_be_bytes),
        [b"\xef\xbb\xbf", SAMPLE.as_bytes()].concat(),
        little,
    ] {
        assert_eq!(read(&bytes).unwrap().loads, expected.loads);
    }
    assert!(read(b"\xff\xfe<\0a").is_err());
    assert!(read(b"<a>\xff</a>").is_err());
}

#[test]
fn what_is_malformed_says_where() {
    for (text, said) in [
        ("", "load.xml:1:1: not XML: there is no element"),
        ("<LoadGenFramework>\n<Section>\n", "load.xml:2:1: not XML: this element is never closed"),
        ("<LoadGenFramework>\n</Section>", "load.xml:2:1: not XML: "),
        ("<LoadGenFramework/>\n<a/>", "load.xml:2:1: not XML: a second root element"),
        (
            "<Other><Section/></Other>",
            "load.xml:1:1: not a LoadGen configuration: the root is 'Other'",
        ),
        ("<LoadGenFramework>\n</LoadGenFramework>", "the configuration has no Section"),
        (
            "<LoadGenFramework><Section Name=\"a\">\n<SleepInterval>soon</SleepInterval></Section></LoadGenFramework>",
            "load.xml:2:1: 'SleepInterval': expected a whole number, found 'soon'",
        ),
        (
            "<LoadGenFramework>\n<Section><NumThreadsPerSection>0</NumThreadsPerSection></Section></LoadGenFramework>",
            "load.xml:2:1: 'NumThreadsPerSection': expected a whole number from 1 to 10000, found 0",
        ),
        (
            "<LoadGenFramework>\n<Section Name=\"&nbsp;\"/></LoadGenFramework>",
            "load.xml:2:1: not XML: ",
        ),
        (
            "<LoadGenFramework>\n&nbsp;</LoadGenFramework>",
            "load.xml:2:1: not XML: unknown entity '&nbsp;'",
        ),
        ("<LoadGenFramework>\n<Section a=b/></LoadGenFramework>", "load.xml:2:1: not XML: "),
    ] {
        let problems = read(text.as_bytes()).unwrap_err();
        let located: Vec<String> =
            problems.problems().iter().filter(|p| !p.is_warning()).map(Problem::located).collect();
        assert!(located.iter().any(|found| found.starts_with(said)), "{text}: {located:?}");
    }
}

#[test]
fn what_is_absent_is_assumed_and_said() {
    let text = "<LoadGenFramework><Section/><Section Name=\"Section.0\"><SleepInterval>0</SleepInterval></Section></LoadGenFramework>";
    let loadgen = read(text.as_bytes()).unwrap();
    let loads = loads(&loadgen);
    assert_eq!((loads[0].name.as_str(), loads[1].name.as_str()), ("Section.0", "Section.0.1"));
    assert_eq!(lots(loads[0]), &sample());
    assert_eq!(lots(loads[1]).sleep, Duration::from_millis(1), "a pause of nothing never ends");
    assert!(loads[0].measure.is_some());
    assert_eq!(loadgen.warnings.len(), 5 + 5);
}

#[test]
fn nothing_in_a_name_leaves_the_comment() {
    let text = SAMPLE.replace("Name=\"Small\"", "Name=\"a&#10;seed = 1\"");
    let toml = read(text.as_bytes()).unwrap().to_toml();
    assert!(toml.lines().all(|line| !line.starts_with("seed")), "{toml}");
}

#[test]
fn the_real_files_are_read_when_present() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/loadgen");
    let Ok(files) = std::fs::read_dir(folder) else { return };
    let smoke = || Source::find("smoke").unwrap().read(&[]).unwrap();
    for file in files {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let loadgen = LoadGen::read(&path.display().to_string(), &bytes, &options()).unwrap();
        assert!(!loadgen.loads.is_empty(), "{}", path.display());
        assert!(
            loadgen.loads.iter().all(|(_, load)| load.size == Sizes::Constant(2048)),
            "{}",
            path.display()
        );
        assert!(loadgen.warnings.iter().all(|w| w.message().contains("ThrottleController")));
        for (_, load) in &loadgen.loads {
            let lots = lots(load);
            let controller = lots.controller.as_ref().unwrap();
            assert_eq!((controller.monitor, lots.lot), (Monitor::Cpu, 100), "{}", path.display());
            assert_eq!((controller.low, controller.high), (90.0, 95.0), "{}", path.display());
        }
        into_scenario(&loadgen, smoke()).unwrap();
    }
}

/// A section with a controller of `monitor` and something more.
fn controlled(monitor: &str, more: &str) -> String {
    format!(
        "<LoadGenFramework><Section Name=\"s\">\n<SleepInterval>400</SleepInterval>\
         <NumThreadsPerSection>1</NumThreadsPerSection><LotSizePerInterval>10</LotSizePerInterval>\
         <SrcFilePath>Size_2K.xml</SrcFilePath><StopMode><NumFiles>9</NumFiles></StopMode>\n\
         <ThrottleController Mode=\"Custom\">\n{monitor}\n{more}</ThrottleController>\
         </Section></LoadGenFramework>"
    )
}

#[test]
fn every_monitor_that_has_a_counterpart_is_carried_over() {
    let counter = |names: &str| {
        let parameters: String =
            names.split('|').map(|name| format!("<Parameters>{name}</Parameters>")).collect();
        format!(
            "<Monitor Name=\"m\"><Assembly>PerfCounterMonitor.dll/X</Assembly>\
             <ThresholdRange>1-2</ThresholdRange>{parameters}</Monitor>"
        )
    };
    let queue = "<Monitor Name=\"m\"><Assembly>MSMQMonitor.dll/X</Assembly>\
                 <ThresholdRange>1-2</ThresholdRange></Monitor>";
    for (monitor, expected) in [
        (counter("Processor|% Processor Time|_Total|bts1"), Some(Monitor::Cpu)),
        (counter("BizTalk:Messaging|Documents received/Sec|Rx"), Some(Monitor::Received)),
        (counter("BizTalk:Messaging|Documents processed/Sec|Tx"), Some(Monitor::Processed)),
        (counter("BizTalk:Message Box:Host Counters|Host Queue - Length|h"), Some(Monitor::Queue)),
        (counter("BizTalk:Message Box:General Counters|Spool Size|b"), Some(Monitor::Spool)),
        (counter("Weather|Rain|x"), None),
        (queue.to_owned(), Some(Monitor::Files)),
        (queue.replace("MSMQMonitor", "RateMonitor"), Some(Monitor::Received)),
        (queue.replace("MSMQMonitor", "SqlMonitor"), None),
    ] {
        let loadgen = read(controlled(&monitor, "").as_bytes()).unwrap();
        let lots = lots(&loadgen.loads[0].1);
        let found = lots.controller.as_ref().map(|controller| controller.monitor);
        assert_eq!(found, expected, "{monitor}");
        let dropped = |w: &Problem| {
            w.located().starts_with("load.xml:4:1: ") && w.message().contains("is not carried over")
        };
        assert_eq!(loadgen.warnings.iter().any(dropped), expected.is_none(), "{monitor}");
        assert_eq!(lots.send.is_zero(), expected.is_none(), "{monitor}");
    }
}

#[test]
fn a_controller_that_watches_another_folder_is_said() {
    // The published sample has it in the common section: it watches one folder for all sections.
    let watching = |folders: &str, own: &str| {
        let text = format!(
            "<LoadGenFramework><CommonSection>\n<ThrottleController>\n\
             <Monitor Name=\"File\"><Assembly>FileMonitor.dll/X</Assembly>\
             <ThresholdRange>5-10</ThresholdRange>{folders}</Monitor>\
             </ThrottleController></CommonSection><Section Name=\"s\">\
             <SrcFilePath>Size_2K.xml</SrcFilePath>\
             <DstLocation><Parameters><DstFilePath>{own}</DstFilePath></Parameters></DstLocation>\
             </Section></LoadGenFramework>"
        );
        let loadgen = read(text.as_bytes()).unwrap();
        assert!(lots(&loadgen.loads[0].1).controller.is_some());
        let said = loadgen.warnings.iter().filter(|w| w.message().contains("watches"));
        said.map(Problem::located).collect::<Vec<_>>()
    };
    let folder = |name: &str| format!("<Parameters>{name}</Parameters>");
    assert_eq!(watching(&folder("C:\\Drop\\"), "c:/drop"), [""; 0]);
    assert_eq!(watching("", "C:\\Drop"), [""; 0], "it does not say what it watches");
    let both = folder("C:\\Drop") + &folder("D:\\Large");
    let expected = "load.xml:3:1: 'ThrottleController' of section 's' watches 'D:\\Large', and the \
                    section sends to 'C:\\Drop': taken as what waits where the load goes to";
    assert_eq!(watching(&both, "C:\\Drop"), [expected]);
}

/// What a minute of a section with this controller brings, a second of its second half.
fn controlled_rate(transport: &str, monitor: &str, changes: &[&str]) -> Run {
    let text = controlled(monitor, "").replace(
        "<StopMode><NumFiles>9</NumFiles></StopMode>",
        &format!("<StopMode><TotalTime>60</TotalTime></StopMode><Transport Name=\"{transport}\"/>"),
    );
    let loadgen = read(text.as_bytes()).unwrap();
    assert!(lots(&loadgen.loads[0].1).controller.is_some());
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let scenario = Source::find("smoke").unwrap().read(&changes).unwrap();
    run("t", &into_scenario(&loadgen, scenario).unwrap()).unwrap()
}

/// The mean of a sampled figure over the second half of a minute.
fn in_the_second_half(run: &Run, name: &str) -> f64 {
    let series = run.samples.series(name).expect(name);
    let late: Vec<f64> =
        series.iter().filter(|(at, _)| (30.0..60.0).contains(at)).map(|own| own.1).collect();
    late.iter().sum::<f64>() / late.len() as f64
}

#[test]
fn a_controller_of_a_rate_holds_its_range_from_the_file_to_the_run() {
    // Ten files each 400 ms are 25 a second; the controller finds what makes a hundred.
    let monitor = "<Monitor Name=\"m\"><Assembly>RateMonitor.dll/X</Assembly>\
                   <ThresholdRange>90-110</ThresholdRange><SleepInterval>1000</SleepInterval>\
                   </Monitor>";
    let run = controlled_rate("FILE", monitor, &[]);
    let rate = in_the_second_half(&run, "Documents received/Sec");
    assert!((90.0..=110.0).contains(&rate), "{rate}");
}

#[test]
fn a_controller_of_a_processor_holds_its_range_over_http() {
    // A message costs 10 ms of one core of four: the range is 200 to 240 messages a second.
    let monitor = "<Monitor Name=\"CPU\"><Assembly>PerfCounterMonitor.dll/X</Assembly>\
                   <ThresholdRange>50-60</ThresholdRange><SleepInterval>400</SleepInterval>\
                   <Parameters>Processor</Parameters><Parameters>% Processor Time</Parameters>\
                   <Parameters>_Total</Parameters><Parameters>bts1</Parameters></Monitor>";
    let changes = [
        "receive_port.Orders.location.0.adapter=http",
        "server.bts1.cores=4",
        "cost.receive_message=10 ms",
    ];
    let run = controlled_rate("HTTP", monitor, &changes);
    let busy = in_the_second_half(&run, "\\\\bts1\\Processor(_Total)\\% Processor Time");
    assert!((50.0..=60.0).contains(&busy), "{busy}");
}

#[test]
fn nothing_of_a_controller_is_dropped_without_a_word() {
    let file = |name: &str| {
        format!(
            "<Monitor Name=\"{name}\"><Assembly>FileMonitor.dll/X</Assembly>\
             <ThresholdRange>5-10</ThresholdRange><SleepInterval>400</SleepInterval></Monitor>"
        )
    };
    let both = format!("{}\n{}", file("A"), file("B"));
    let more = "<ThrottleCondition>B</ThrottleCondition><ThrottleInterval>300</ThrottleInterval>\
                <Mood/>";
    let options = Options { send: Some(Duration::from_millis(2)), ..options() };
    let text = controlled(&both, more);
    let loadgen = LoadGen::read("load.xml", text.as_bytes(), &options).unwrap();
    let said: Vec<String> = loadgen.warnings.iter().map(Problem::located).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    for expected in [
        "load.xml:4:1: 'ThrottleController' of section 's' does not heed its monitor 'A' alone: not carried over",
        "load.xml:5:1: 'ThrottleInterval': the pause changes when the monitor looks",
        "load.xml:6:81: unknown element 'Mood'",
    ] {
        assert!(said.iter().any(|found| found == expected), "{expected}: {said:?}");
    }
    assert_eq!(lots(&loadgen.loads[0].1).send, Duration::from_millis(2));
    for (range, wrong) in [("5", "'5'"), ("9-5", "'9-5'"), ("a-b", "'a-b'"), ("", "''")] {
        let text = controlled(&file("A").replace("5-10", range), "");
        let problems = read(text.as_bytes()).unwrap_err();
        let message = format!("'ThresholdRange': expected a range like '1000-2000', found {wrong}");
        let problem = problems.problems().iter().find(|p| !p.is_warning()).unwrap();
        assert_eq!(problem.located(), format!("load.xml:4:57: {message}"));
    }
}

#[test]
fn creators_and_large_sources_are_carried_over_or_said_to_be_missing() {
    let text = SAMPLE.replace(
        "<Weather>rain<Wind/></Weather>",
        "<OptimizeLimitFileSize>1024</OptimizeLimitFileSize>\n\
         <MessageCreator Type=\"Async\"><NumThreads>3</NumThreads><Spice/></MessageCreator>",
    );
    let plain = read(text.as_bytes()).unwrap();
    assert_eq!(lots(&plain.loads[1].1).creator, None);
    let said: Vec<String> = plain.warnings.iter().map(Problem::located).collect();
    for expected in [
        "load.xml:22:3: section 'Large & slow' streams its source: sent like a small one",
        "load.xml:28:1: 'MessageCreator' of section 'Large & slow' is not carried over: how long a message takes to make is not said",
        "load.xml:28:56: unknown element 'Spice'",
    ] {
        assert!(said.iter().any(|found| found == expected), "{expected}: {said:?}");
    }
    let create = Some(Duration::from_millis(4));
    let made = LoadGen::read("load.xml", text.as_bytes(), &Options { create, ..options() });
    let creator = lots(&made.unwrap().loads[1].1).creator.clone().unwrap();
    assert_eq!((creator.threads, creator.takes), (3, Duration::from_millis(4)));
    assert!(plain.to_toml().contains("without effect here: LoadGenVersion = 2"), "kept as comment");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_import_panic(
        at in any::<prop::sample::Index>(),
        cut in 0_usize..40,
        new in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..6),
            prop::sample::select(vec!["<", ">", "&", "<![CDATA[", "<!--", "/>", "<?", "é", "99999999999999999999"])
                .prop_map(|text| text.as_bytes().to_vec()),
        ],
    ) {
        let mut bytes = SAMPLE.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes.splice(at..(at + cut).min(SAMPLE.len()), new);
        match read(&bytes) {
            Ok(loadgen) => prop_assert!(!loadgen.to_toml().is_empty()),
            Err(problems) => {
                for problem in problems.problems() {
                    let mut text = String::new();
                    miette::GraphicalReportHandler::new().render_report(&mut text, problem).unwrap();
                }
            }
        }
    }
}

#[test]
fn an_attribute_that_is_not_known_is_said() {
    let text = SAMPLE.replace("<Section Name=\"Small\"", "<Section Bogus=\"7\" Name=\"Small\"");
    assert_ne!(text, SAMPLE);
    let said = |text: &str| {
        let loadgen = read(text.as_bytes()).unwrap();
        loadgen.warnings.iter().map(Problem::located).collect::<Vec<String>>()
    };
    let (plain, more) = (said(SAMPLE), said(&text));
    assert_eq!(more.len(), plain.len() + 1, "{more:?}");
    let found = more.iter().any(|said| said.contains("unknown attribute 'Bogus' of 'Section'"));
    assert!(found, "{more:?}");
}
