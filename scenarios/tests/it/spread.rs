//! How far predictions move over all prices that fit as well.

use std::path::Path;

use floodgate_reports::{MstRecord, Record};
use floodgate_scenarios::catalogue::Source;
use floodgate_scenarios::experiment::mst::{Ask, search, search_again};
use floodgate_scenarios::experiment::run::run_silently;
use floodgate_scenarios::experiment::spread::{Spread, alternatives, spread};
use floodgate_scenarios::plan::{Problem, Profile, Scenario};

use crate::mst::PLANT;

/// A profile whose cores may as well take half or twice the time.
pub(crate) const PROFILE: &str = "about = 'x'\n\
    [cost.send_message]\nvalue = '160 ms'\nsource = 'a test'\n\
    [[also_fits]]\nname = 'sending'\nprices = ['send_message']\nfactors = [0.5, 2.0]\n";
const ASK: Ask = Ask { precision: 0.05, recovery: 0.0, threads: 2, spread: true, ..Ask::DEFAULT };

fn plant(changes: &[&str]) -> Scenario {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let scenario = Scenario::parse("plant.toml", PLANT.as_bytes(), Path::new(""), &changes);
    let profile = Profile::parse("p", "p.toml", PROFILE.as_bytes()).unwrap();
    Scenario { profile, ..scenario.unwrap() }
}

fn searched(scenario: &Scenario) -> MstRecord {
    search("plant", scenario, ASK).unwrap()
}

#[test]
fn the_capacity_is_told_with_all_prices_that_fit() {
    let record = searched(&plant(&["cost.send_message=160 ms"]));
    let told = record.spread.unwrap();
    assert_eq!((told.sets, told.figures.len()), (2, 1));
    let one = &told.figures[0];
    assert_eq!((one.figure.as_str(), Some(one.value)), ("capacity", record.capacity));
    assert!((one.low / one.value - 0.5).abs() < 0.02, "twice the time: {one:?}");
    assert!((one.high / one.value - 2.0).abs() < 0.08, "half the time: {one:?}");
}

#[test]
fn a_price_that_the_scenario_gives_stays() {
    let own = plant(&["cost.send_message=161 ms"]);
    let others = alternatives(&own);
    assert_eq!(others.len(), 2);
    assert!(others.iter().all(|other| other.costs == own.costs), "{others:?}");
}

#[test]
fn an_answer_that_is_no_capacity_is_searched_again_with_each() {
    // A job removes 50 rows a second, one for each document; 40 where it takes longer.
    let profile = "about = 'x'\n\
        [cost.collect_row]\nvalue = '20 ms'\nsource = 'a test'\n\
        [[also_fits]]\nname = 'collecting'\nprices = ['collect_row']\nfactors = [1.25]\n";
    let profile = Profile::parse("p", "p.toml", profile.as_bytes()).unwrap();
    let scenario = Scenario { profile, ..plant(&["cost.collect_row=20 ms"]) };
    let ask = Ask { precision: 0.1, ..ASK };
    let mut record = search("plant", &scenario, ask).unwrap();
    assert_eq!(record.spread, None, "the capacity says nothing of it");
    search_again("plant", &scenario, ask, &mut record).unwrap();
    let told = record.spread.unwrap();
    let of = |name: &str| told.figures.iter().find(|one| one.figure == name).unwrap();
    let (mst, capacity) = (of("mst"), of("capacity"));
    assert_eq!((Some(mst.value), mst.high), (record.mst, mst.value));
    assert!((mst.low / mst.value - 0.8).abs() < 0.06, "{mst:?}");
    assert!((capacity.low / capacity.value - 1.0).abs() < 0.06, "{capacity:?}");
    assert_eq!((told.sets, told.otherwise), (1, 0));
}

fn run(scenario: &Scenario, when: Spread) -> (Record, usize) {
    let mut run = run_silently("plant", scenario).unwrap();
    let untried = spread(&mut run, scenario, when).unwrap();
    (run.record, untried)
}

#[test]
fn the_figures_of_a_run_are_told_with_all_prices_that_fit() {
    let figures = "published=[{ what = 'utilisation', of = ['bts1'], value = 20.0, unit = '%', \
                   source = 'a test' }]";
    let changes = ["cost.send_message=160 ms", "load.0.rate={ constant = 5 }", figures];
    let scenario = plant(&changes);
    let (record, untried) = run(&scenario, Spread::Auto);
    let told = record.spread.as_ref().unwrap();
    let busy = told.figures.iter().find(|one| one.figure == "utilisation of bts1 CPU").unwrap();
    let [least, most] = [busy.low / busy.value, busy.high / busy.value];
    assert!((least - 0.5).abs() < 0.01 && (most - 2.0).abs() < 0.01, "{busy:?}");
    let rate = told.figures.iter().find(|one| one.figure == "rate.received").unwrap();
    assert!((rate.low / rate.high - 1.0).abs() < 0.01, "the load is the same: {rate:?}");
    let [low, high] = record.published[0].spread_percent.unwrap();
    let error = record.published[0].error_percent.unwrap();
    assert!(low < error && error < high && high > 50.0, "{low} {error} {high}");
    assert_eq!((untried, told.sets), (0, 2));
    assert_eq!(run(&scenario, Spread::Never).1, 2, "nobody tried them");
    assert_eq!(run(&scenario, Spread::Never).0.spread, None);
}

#[test]
fn all_sets_of_the_laboratory_fit() {
    let scenario = Source::find("scale_out_messaging_1_1").unwrap().read(&[]).unwrap();
    let others = alternatives(&scenario);
    assert!(others.len() >= 20, "{}", others.len());
    for other in &others {
        assert_ne!(other.costs, scenario.costs);
        for row in run_silently("other", other).unwrap().record.published {
            let error = row.error_percent.unwrap();
            assert!(error.abs() <= 5.02, "{} {error}", row.figure);
        }
    }
}

#[test]
fn sets_that_are_none_are_refused() {
    let check = |text: &str, expected: &str| {
        let problems = Profile::parse("p", "p.toml", text.as_bytes()).unwrap_err();
        let said: Vec<String> = problems.problems().iter().map(Problem::located).collect();
        assert_eq!(said, [expected]);
    };
    let with = |prices: &str, factors: &str| {
        let cause = "[[also_fits]]\nname = 'other'";
        format!("{PROFILE}{cause}\nprices = [{prices}]\nfactors = [{factors}]\n")
    };
    check(&with("'send_massage'", "1, 2"), "p.toml:11:10: 'prices': 'send_massage' is no price");
    check(&with("'send_message'", "1, 2"), "p.toml:5:1: 'send_message' stands in two causes");
    check(&with("'sql_row'", "1, 2"), "p.toml:5:1: 'sql_row' of 'other' costs nothing here");
    check(&with("'sql_row'", "1"), "p.toml:5:1: 'other' has 1 factors, 'sending' has 2");
    check(
        &PROFILE.replace("0.5", "0"),
        "p.toml:8:12: 'factors': expected a number from 0.001 to 1000, found 0",
    );
}
