//! A sweep dealt out to a job array gives what it gives on one machine, to the byte.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use floodgate_reports::SweepRecord;
use floodgate_scenarios::cli::{Cli, Command};
use floodgate_scenarios::experiment::sweep::ENVIRONMENT;
use floodgate_scenarios::experiment::sweep::cli::Sharding;

use crate::sweep::{ends, floodgate, plant, text};

/// An empty folder of this test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sharding").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn planned(folder: &Path, shards: &str, arguments: &[&str]) -> String {
    let plant = plant();
    let manifest = folder.join("manifest.json").display().to_string();
    let text = ends(0, &[&["plan", &plant, "--shards", shards], arguments].concat());
    std::fs::write(&manifest, text).unwrap();
    manifest
}

/// Runs every shard and merges them in the order of `indices`.
fn merged(folder: &Path, manifest: &str, indices: &[u32]) -> String {
    let out = folder.display().to_string();
    for index in indices {
        let index = index.to_string();
        assert_eq!(ends(0, &["run-shard", manifest, "--index", &index, "--out", &out]), "");
    }
    let shards: Vec<String> =
        indices.iter().map(|index| format!("{out}/shard-{index}.json")).collect();
    let shards: Vec<&str> = shards.iter().map(String::as_str).collect();
    ends(0, &[&["merge", manifest, "--json"], shards.as_slice()].concat())
}

const RUNS: &[&str] = &["--vary", "host.H.threads=2,50", "--vary", "load.0.measure=5 s,6 s"];
const SEARCHES: &[&str] =
    &["--mst", "--precision", "0.4", "--vary", "load.0.warm_up=1 s,2 s", "--seed", "3"];
#[rustfmt::skip]
const MULTIPLES: &[&str] = &[
    "--mst", "--as-written", "--precision", "0.4", "--vary", "load.0.measure=5 s,20 s",
    "--set", "drain=5 s",
];

#[test]
fn shards_merge_to_what_one_machine_prints() {
    for (name, design, seeds, shards, orders) in [
        ("one", RUNS, "3", "1", &[&[0][..]][..]),
        ("three", RUNS, "3", "3", &[&[0, 1, 2], &[2, 0, 1]]),
        ("every", RUNS, "3", "12", &[&[11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]]),
        ("searches", SEARCHES, "2", "3", &[&[1, 0, 2]]),
        ("multiples", MULTIPLES, "2", "2", &[&[1, 0]]),
    ] {
        let folder = folder(name);
        let design = [design, &["--seeds", seeds]].concat();
        let manifest = planned(&folder, shards, &design);
        let whole = ends(0, &[&["sweep", &plant(), "--json"], &design[..]].concat());
        for order in orders {
            assert_eq!(merged(&folder, &manifest, order), whole, "{name}, {order:?}");
        }
    }
}

#[test]
fn other_prices_are_dealt_out_like_settings() {
    let folder = folder("prices");
    let profile = folder.join("profile.toml");
    std::fs::write(&profile, crate::spread::PROFILE).unwrap();
    let profile = format!("profile='{}'", profile.display());
    let set = ["--set", &profile, "--set", "load.0.rate={ constant = 5 }"];
    let vary = ["--vary", "load.0.measure=5 s,10 s", "--vary", "server.bts1.cores=1,2"];
    let design = [&set[..], &vary, &["--seeds", "2", "--spread", "always"]].concat();
    let manifest = planned(&folder, "5", &design);
    let whole = ends(0, &[&["sweep", &plant(), "--json"], &design[..]].concat());
    assert_eq!(merged(&folder, &manifest, &[0, 1, 2, 3, 4]), whole);
    let record: SweepRecord = serde_json::from_str(&whole).unwrap();
    assert_eq!((record.sets, record.rows.len()), (2, 4));
    let of = |row: usize| {
        let metrics = &record.rows[row].metrics;
        metrics.iter().find(|one| one.name == "latency_mean").unwrap()
    };
    // A call takes 160 ms of a core; half of that, or twice, as the profile may as well say.
    let [low, high] = of(0).spread.unwrap();
    let own = of(0).estimate.unwrap();
    assert!((own - low - 0.08).abs() < 0.02 && high - own > 0.16, "{low} {own} {high}");
    // One core is enough by the profile; where a call takes twice as long it is not, and a second
    // one is worth something.
    let [most, least] = of(1).difference_spread.unwrap();
    let own = of(1).difference.unwrap();
    assert!(most < -0.1 && own.abs() < 0.01 && own <= least, "{most} {own} {least}");
    let without = ["sweep", &plant(), "--vary", "server.bts1.cores=1,2", "--spread", "always"];
    let refused = floodgate(&without).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("leave '--spread' out"), "{}", text(&refused.stderr));
}

#[test]
fn the_index_comes_from_the_environment_or_is_said() {
    let folder = folder("environment");
    let manifest = planned(&folder, "2", &[RUNS, &["--seeds", "2"]].concat());
    let second = ends(0, &["run-shard", &manifest, "--index", "1"]);
    for (name, _, first) in ENVIRONMENT {
        let index = (first + 1).to_string();
        let output = floodgate(&["run-shard", &manifest]).env(name, index).output().unwrap();
        assert_eq!(text(&output.stdout), second, "{name}");
    }
    let mut command = floodgate(&["run-shard", &manifest, "--index", "1"]);
    let output = command.env("JOB_COMPLETION_INDEX", "0").output().unwrap();
    assert_eq!(text(&output.stdout), second, "what is said counts");
}

/// `text` with the first `from` replaced, in a file of its own.
fn spoiled(manifest: &str, name: &str, from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(manifest).unwrap();
    assert!(text.contains(from), "{from} is not in {manifest}");
    let path = Path::new(manifest).with_file_name(name).display().to_string();
    std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    path
}

#[test]
fn mistakes_name_what_was_found_and_what_is_allowed() {
    let dir = folder("mistakes");
    let manifest = planned(&dir, "2", &[RUNS, &["--seeds", "2"]].concat());
    let out = dir.display().to_string();
    merged(&dir, &manifest, &[0, 1]);
    let [zero, one] = [0, 1].map(|index| format!("{out}/shard-{index}.json"));
    let spoil = |name: &str, from: &str, to: &str| spoiled(&manifest, name, from, to);
    let newer = spoil("newer.json", "\"manifest_version\": 1", "\"manifest_version\": 2");
    let own = format!("\"engine_version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let older = spoil("older.json", &own, "\"engine_version\": \"0.0.9\"");
    let key = spoil("key.json", "\"shards\": 2", "\"shards\": 2, \"more\": 1");
    let dealt = spoil("dealt.json", "\"cells\": 8", "\"cells\": 9");
    let edited = spoil("edited.json", "poisson = 60.0", "poisson = 61.0");
    let none = spoil("none.json", "\"shards\": 2", "\"shards\": 0");
    let other = spoil("other.json", "\"shards\": 2", "\"shards\": 4");
    let short = spoiled(&zero, "short.json", "\"cells\": [", "\"cells\": [], \"was\": [");
    let seed = spoiled(&zero, "seed.json", "\"seed\": 7", "\"seed\": 8");
    let plant = plant();
    let plan = ["plan", &plant, "--vary", "host.H.threads=2,50", "--seeds", "2", "--shards"];
    let plan = |shards| [&plan[..], &[shards]].concat();
    for (arguments, found, allowed) in [
        (plan("0"), "found 0 shards", "from 1 to 4"),
        (plan("5"), "found 5 shards", "from 1 to 4"),
        (vec!["run-shard", &manifest, "--index", "2"], "no shard 2", "from 0 to 1"),
        (vec!["run-shard", &manifest], "no --index", "SLURM_ARRAY_TASK_ID"),
        (vec!["run-shard", &newer, "--index", "0"], "manifest of version 2", "reads version 1"),
        (vec!["run-shard", &older, "--index", "0"], "by floodgate 0.0.9", "this is floodgate"),
        (vec!["run-shard", &plant, "--index", "0"], "is no manifest", "floodgate plan"),
        (vec!["run-shard", "no/such.json"], "cannot read 'no/such.json'", ""),
        (vec!["run-shard", &key, "--index", "0"], "unknown field `more`", "expected one of"),
        (vec!["run-shard", &dealt, "--index", "0"], "contradicts itself", "plan again"),
        (vec!["run-shard", &edited, "--index", "0"], "setting 0 has the hash", "plan again"),
        (vec!["run-shard", &none, "--index", "0"], "found 0 shards", "from 1 to 8"),
        (vec!["merge", &manifest, &zero], "missing of 2 shards: 1", "--index I"),
        (vec!["merge", &manifest, &zero, &one, &zero], "shard 0 is given twice", "once"),
        (
            vec!["merge", &other, &zero, &one],
            "shard 0 was run from the manifest",
            "manifest given is",
        ),
        (vec!["merge", &manifest, &manifest, &one], "is no shard", "run-shard MANIFEST"),
        (vec!["merge", &manifest, &short, &one], "is no shard: unknown field `was`", ""),
        (
            vec!["merge", &manifest, &seed, &one],
            "of shard 0 is not what was planned",
            "run the shard",
        ),
    ] {
        let output = floodgate(&arguments).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{arguments:?}");
        let said = said.replace("\n  │ ", " ").replace("\n        ", " ");
        assert!(said.contains(found) && said.contains(allowed), "{arguments:?}: {said}");
    }
}

/// A file for a scheduler: the variable that its jobs are told apart by, and how many there are.
struct Example {
    text: &'static str,
    variable: &'static str,
    jobs: &'static str,
}

const EXAMPLES: &[Example] = &[
    Example {
        text: include_str!("../../examples/kubernetes-job.yaml"),
        variable: "JOB_COMPLETION_INDEX",
        jobs: "\n  completions: 4\n",
    },
    Example {
        text: include_str!("../../examples/slurm-array.sh"),
        variable: "SLURM_ARRAY_TASK_ID",
        jobs: "\n#SBATCH --array=0-3\n",
    },
];

/// The commands in an example, in its words: of a shell, in a comment or not, or a YAML list.
fn commands(text: &str) -> Vec<Vec<String>> {
    let words = |line: &str| -> Option<Vec<String>> {
        let line = line.trim_start_matches(['#', ' ']);
        if let Some(list) = line.strip_prefix("command: ") {
            return Some(serde_json::from_str(list).unwrap());
        }
        let line = line.strip_prefix("floodgate ")?.replace("\"$SLURM_CPUS_PER_TASK\"", "2");
        Some(format!("floodgate {line}").split(' ').map(str::to_owned).collect())
    };
    text.lines().filter_map(words).collect()
}

/// What a shell makes of a command before the program sees it: its arguments, and where standard
/// output goes.
fn expanded(words: &[String], folder: &Path) -> (Vec<String>, Option<PathBuf>) {
    let shared = |word: &str| word.replace("/sweep/", &format!("{}/", folder.display()));
    let mut words: Vec<String> = words.iter().skip(1).map(|word| shared(word)).collect();
    let redirect = words.iter().position(|word| word == ">");
    let target = redirect.map(|at| folder.join(words.split_off(at)[1].clone()));
    let paths = |word: String| match word.strip_suffix("/shard-*.json") {
        Some(shards) => {
            let shards = folder.join(shards).read_dir().unwrap();
            shards.map(|entry| entry.unwrap().path().display().to_string()).collect()
        }
        None => vec![word],
    };
    (words.into_iter().flat_map(paths).collect(), target)
}

#[test]
fn the_examples_for_schedulers_do_what_they_say() {
    for (number, example) in EXAMPLES.iter().enumerate() {
        let folder = folder(&format!("example-{number}"));
        let commands = commands(example.text);
        let before = |words: &'_ [String]| words.split(|word| word == ">").next().unwrap().to_vec();
        let parsed = commands.iter().map(|words| Cli::parse_from(before(words)).command);
        let parsed: Vec<Command> = parsed.collect();
        let [
            Command::Sharding(Sharding::Plan(plan)),
            Command::Sharding(Sharding::Merge(_)),
            Command::Sharding(Sharding::RunShard(shard)),
        ] = parsed.as_slice()
        else {
            panic!("not plan, merge and run-shard: {parsed:?}")
        };
        assert!(example.text.contains(example.jobs) && plan.shards == 4, "{}", example.text);
        assert!(example.text.contains(example.variable), "the variable is named");
        assert_eq!(shard.index, None, "the environment says the index");

        let short = ["--set", "load.0.warm_up=1 s", "--set", "load.0.measure=2 s"];
        let run = |words: &[String], more: &[&str], index: &str| {
            let (arguments, target) = expanded(words, &folder);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let mut command = floodgate(&[&arguments[..], more].concat());
            let output =
                command.current_dir(&folder).env(example.variable, index).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{words:?}: {}", text(&output.stderr));
            if let Some(target) = target {
                std::fs::write(target, &output.stdout).unwrap();
            }
            output.stdout
        };
        run(&commands[0], &short, "0");
        for index in ["0", "1", "2", "3"] {
            run(&commands[2], &[], index);
        }
        let merged = run(&commands[1], &["--json"], "0");
        let design =
            &commands[0][2..commands[0].iter().position(|word| word == "--shards").unwrap()];
        let design: Vec<&str> = design.iter().map(String::as_str).collect();
        let whole = ends(0, &[&["sweep", "--json"], &design[..], &short].concat());
        assert_eq!(text(&merged), whole, "{}", example.variable);
    }
}
