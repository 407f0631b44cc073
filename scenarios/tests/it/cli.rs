//! The command line: what it prints where, and its exit codes.

use std::process::{Command, Output};

fn floodgate(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_floodgate"));
    command.args(arguments).env("NO_COLOR", "1").output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Standard output of a command that succeeds and has nothing to say on standard error.
fn said(arguments: &[&str]) -> String {
    let output = floodgate(arguments);
    assert_eq!(text(&output.stderr), "", "{arguments:?}");
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    text(&output.stdout).to_owned()
}

/// A file of this test in a folder of its own.
fn file(name: &str, content: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

#[test]
fn list_has_every_scenario_with_what_it_is_about() {
    let list = said(&["list"]);
    for (name, _) in floodgate_scenarios::catalogue::CATALOGUE {
        assert!(list.lines().any(|line| line.trim_start().starts_with(name)), "{list}");
    }
    let json: serde_json::Value = serde_json::from_str(&said(&["list", "--json"])).unwrap();
    assert_eq!(json["scenarios"][0]["name"], floodgate_scenarios::catalogue::CATALOGUE[0].0);
}

#[test]
fn show_prints_what_can_be_shown_again() {
    let shown = said(&["show", "smoke", "--set", "host.Send.poll=50ms", "--seed", "7"]);
    assert!(shown.contains("seed = 7\n") && shown.contains("poll = \"50 ms\"\n"), "{shown}");
    assert_eq!(said(&["show", &file("shown.toml", &shown)]), shown);
    let json: serde_json::Value =
        serde_json::from_str(&said(&["show", "smoke", "--json"])).unwrap();
    assert_eq!(json["expanded"]["load"][0]["count"], 200);
    assert_eq!(json["scenario"], "smoke");
}

#[test]
fn schema_is_json() {
    let schema: serde_json::Value = serde_json::from_str(&said(&["schema"])).unwrap();
    assert_eq!(schema["title"], "Floodgate scenario");
}

#[test]
fn an_import_can_be_shown() {
    let xml = "<LoadGenFramework><Section Name=\"One\"><SrcFilePath>Size_2K.xml</SrcFilePath>\
        <NumThreadsPerSection>1</NumThreadsPerSection><SleepInterval>400</SleepInterval>\
        <LotSizePerInterval>100</LotSizePerInterval>\
        <StopMode Mode=\"Time\"><TotalTime>30</TotalTime></StopMode></Section></LoadGenFramework>";
    let xml = file("load.xml", xml);
    let loads = said(&["import", "loadgen", &xml, "--per", "section", "--to", "Elsewhere"]);
    assert!(loads.contains("to = \"Elsewhere\"") && loads.contains("per = \"section\""), "{loads}");
    let whole = file("into.toml", "");
    assert_eq!(said(&["import", "loadgen", &xml, "--into", "smoke", "--out", &whole]), "");
    assert!(said(&["show", &whole]).contains("name = \"One\""));
}

#[test]
fn mistakes_exit_with_two_and_leave_standard_output_empty() {
    let bad = file("bad.toml", "about = \"x\"\nseeds = 3\n");
    for (arguments, expected) in [
        (vec![], "Usage"),
        (vec!["shwo"], "shwo"),
        (vec!["show", "smok"], "did you mean 'smoke'?"),
        (vec!["show", "no/such.toml"], "cannot read"),
        (vec!["show", &bad], "bad.toml:2:1"),
        (vec!["show", &bad], "did you mean 'seed'?"),
        (vec!["show", "smoke", "--set", "sed=1"], "--set sed:1:1"),
        (vec!["import", "loadgen", &bad], "not XML"),
        (vec!["mst", "smoke", "--max-seconds", "0"], "expected a number of seconds above 0"),
        (vec!["mst", "smoke", "--max-seconds", "-1"], "expected a number of seconds above 0"),
        (vec!["mst", "smoke", "--max-seconds", "inf"], "expected a number of seconds above 0"),
        (vec!["mst", "smoke", "--max-seconds", "nan"], "expected a number of seconds above 0"),
        (vec!["mst", "smoke", "--precision", "0"], "expected a number above 0 and at most 0.5"),
        (vec!["mst", "smoke", "--precision", "0.6"], "expected a number above 0 and at most 0.5"),
        (vec!["mst", "smoke", "--precision", "nan"], "expected a number above 0 and at most 0.5"),
    ] {
        let output = floodgate(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
}

#[test]
fn the_line_that_runs_it_again_says_what_was_asked_for() {
    // A path as it was given, with the keys that were changed, quoted where a shell needs it.
    let plain = file("again.toml", &said(&["show", "smoke"]));
    let odd = file("it's odd.toml", &said(&["show", "smoke"]));
    let quoted = format!("'{}'", odd.replace('\'', "'\\''"));
    let poll = "host.Send.poll=50 ms";
    for (arguments, again) in [
        (vec!["smoke", "--seed", "7"], "smoke --seed 7".to_owned()),
        (vec![plain.as_str()], format!("{plain} --seed 42")),
        (vec![odd.as_str()], format!("{quoted} --seed 42")),
        (vec!["smoke", "--set", poll], format!("smoke --set '{poll}' --seed 42")),
    ] {
        let line = format!("floodgate run {again}");
        let printed = said(&[&["run"], &arguments[..]].concat());
        assert!(printed.lines().any(|own| own == line), "{line}\n{printed}");
    }
    let out = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join("again");
    said(&["run", &plain, "--out", &out.display().to_string()]);
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains(&format!("<code>floodgate run {plain} --seed 42</code>")));
}

/// Runs with `/dev/full`, where every write fails, for standard output or standard error.
#[cfg(target_os = "linux")]
#[test]
fn nothing_aborts_where_nothing_can_be_written() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let command = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_floodgate"));
        command.args(arguments).env("NO_COLOR", "1");
        command
    };
    let bad = file("bad_to_full.toml", "about = \"x\"\nseeds = 3\n");
    let output = command(&["show", &bad]).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "mistakes that nobody can read");
    let odd = ["show", "smoke", "--set", "load.0.poison={ every = 2, stage = \"decode\" }"];
    let output = command(&odd).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "warnings that nobody can read");
    assert!(text(&output.stdout).contains("stage = \"decode\""));
    let output = command(&["show", "smoke"]).stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "an answer that nobody can read");
    assert!(text(&output.stderr).contains("cannot write to standard output"));
}

#[test]
fn what_is_saved_before_its_removal_is_in_the_run_folder() {
    // R-MBX-13, R-ADD-03: every message of every suspended instance, once, and nothing of an
    // earlier run.
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join("saved-run");
    let stale = folder.join("saved").join("0099-Gone");
    std::fs::create_dir_all(&stale).unwrap();
    let out = folder.display().to_string();
    let output = floodgate(&["run", "suspend_resume", "--out", &out]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut instances: Vec<String> = std::fs::read_dir(folder.join("saved"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    instances.sort_unstable();
    assert_eq!(instances.len(), 10, "{instances:?}");
    assert_eq!(instances[0], "0001-Partner");
    let first = std::fs::read_to_string(folder.join("saved/0001-Partner/m11.properties")).unwrap();
    assert!(first.contains("BTS.ReceivePortName = \"Orders\""), "{first}");
    assert!(first.starts_with("# saved at"), "{first}");
}

#[test]
fn a_run_tells_its_story_and_what_it_leaves_out() {
    // R-SUB-10, R-MSG-09: what happened to a message can be read without a debugger.
    let run = |more: &[&str]| said(&[&["run", "suspend_resume"], more].concat());
    let plain = run(&[]);
    let told = run(&["--story", "5"]);
    let of_story = |text: &str| text.split_once("--seed").unwrap().1.trim().to_owned();
    let story = of_story(&told);
    assert_eq!(story.lines().filter(|line| line.starts_with("00:")).count(), 5, "{story}");
    assert!(story.contains(" more lines: '--story LINES' shows more"), "{story}");
    let digest =
        |text: &str| text.lines().find(|line| line.starts_with("digest")).map(str::to_owned);
    assert_eq!(digest(&plain), digest(&told), "looking moves no digest");
    let of = run(&["--story-of", "m12"]);
    let story = of_story(&of);
    assert!(story.contains("suspends m12 of Partner, resumable, PortStopped"), "{story}");
    let foreign = |line: &str| line.contains("m13") && !line.contains("m12");
    assert!(!story.lines().any(foreign) && !story.contains(" more lines"), "{story}");

    let out = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join("told");
    let folder = out.display().to_string();
    said(&["run", "smoke", "--out", &folder, "--json", "--story", "3"]);
    let kept = std::fs::read_to_string(out.join("story.txt")).unwrap();
    assert_eq!(kept.lines().count(), 4, "{kept}");
    said(&["run", "smoke", "--out", &folder]);
    assert!(!out.join("story.txt").exists(), "no story of another run is left");
    let output = floodgate(&["run", "smoke", "--json", "--story"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--out DIR"));
}
