//! LoadGen configurations, read as loads.

use std::path::Path;

use floodgate_engine::time::Duration;
use floodgate_scenarios::catalogue::Source;
use floodgate_scenarios::import::loadgen::{LoadGen, Options, into_scenario};
use floodgate_scenarios::plan::load::Load;
use floodgate_scenarios::plan::rate::{Lots, Per, Rate};
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
    Options { to: "Orders".to_owned(), per: Per::Thread }
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

#[test]
fn sections_override_the_common_section() {
    let loadgen = read(SAMPLE.as_bytes()).unwrap();
    let loads = loads(&loadgen);
    assert_eq!(loads.len(), 2);
    assert_eq!((loads[0].name.as_str(), loads[0].to.as_str()), ("Small", "Orders"));
    assert_eq!((loads[0].size, loads[0].count, loads[0].measure), (2048, Some(5000), None));
    let sleep = Duration::from_millis(200);
    assert_eq!(lots(loads[0]), &Lots { threads: 5, lot: 25, sleep, per: Per::Thread });
    assert_eq!(loads[1].name, "Large & slow");
    assert_eq!((lots(loads[1]).threads, lots(loads[1]).lot), (1, 25));
    assert_eq!(loads[1].measure, Some(Duration::from_secs(1800)));
    assert_eq!((loads[1].size, loads[1].count), (10_240, None));
    let said: Vec<String> = loadgen.warnings.iter().map(Problem::located).collect();
    assert_eq!(
        said,
        [
            "load.xml:10:5: 'ThrottleController' is not carried over: the load keeps its pace whatever the monitor would see",
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
    let sample = Lots { threads: 5, lot: 25, sleep: Duration::from_millis(200), per: Per::Thread };
    assert_eq!(lots(loads[0]), &sample);
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
        assert!(loadgen.loads.iter().all(|(_, load)| load.size == 2048), "{}", path.display());
        assert!(loadgen.warnings.iter().all(|w| w.message().contains("ThrottleController")));
        into_scenario(&loadgen, smoke()).unwrap();
    }
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
