//! The published scale-out lab: its six plants come out as published, and every price has a say.

use floodgate_engine::time::Duration;
use floodgate_scenarios::catalogue::Source;
use floodgate_scenarios::experiment::run::run_silently;

/// What the profile states: no published figure of the lab is missed by more, in percent.
const STATED: f64 = 3.0;

/// The largest error of a plant's published figures, in percent, with one price scaled.
fn worst(plant: &str, price: Option<(&str, u64)>) -> f64 {
    let source = Source::find(plant).unwrap();
    let mut set = Vec::new();
    if let Some((name, percent)) = price {
        let known = source.read(&[]).unwrap().costs.get(name).unwrap();
        let scaled = Duration::from_nanos(known.as_nanos() * percent / 100);
        set.push(format!("cost.{name}=\"{} ns\"", scaled.as_nanos()));
    }
    let scenario = source.read(&set).unwrap();
    assert_eq!(scenario.published.len(), 3, "{plant}");
    let record = run_silently(plant, &scenario).unwrap().record;
    let errors = record.published.iter().map(|one| one.error_percent.unwrap().abs());
    errors.fold(0.0, f64::max)
}

#[test]
fn every_published_figure_of_the_lab_comes_out() {
    for kind in ["messaging", "orchestration"] {
        for size in ["1_1", "1_3", "2_3"] {
            let plant = format!("scale_out_{kind}_{size}");
            let error = worst(&plant, None);
            assert!(error <= STATED, "{plant}: {error:.2} %");
        }
    }
}

#[test]
fn every_fitted_price_is_told_by_a_plant() {
    for (price, plant) in [
        ("receive_message", "messaging_1_1"),
        ("receive_batch", "messaging_1_1"),
        ("send_message", "messaging_1_1"),
        ("route_cpu", "messaging_1_3"),
        ("enlist_cpu", "orchestration_1_3"),
        ("sql_transaction", "messaging_1_1"),
        ("sql_row", "orchestration_1_1"),
        ("sql_instance", "messaging_2_3"),
        ("route_document", "messaging_1_3"),
        ("enlist_sql", "orchestration_1_3"),
        ("lock_transaction", "messaging_1_1"),
        ("lock_row", "messaging_1_1"),
        ("lock_instance", "orchestration_2_3"),
        ("enlist_lock", "orchestration_2_3"),
    ] {
        let plant = format!("scale_out_{plant}");
        let error = worst(&plant, Some((price, 200)));
        assert!(error > STATED, "{price} twice as dear is not seen in {plant}: {error:.2} %");
    }
}
