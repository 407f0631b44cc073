//! The published tables of host throttling, condition by condition.

use floodgate_engine::throttle::{
    Controller, Direction, Override, Readings, Severities, Throttle, ThrottleSettings, Totals,
};
use floodgate_engine::time::{Duration, Instant};

/// All thresholds are ten, but for memory, of which less than 300 MB is little.
fn settings() -> ThrottleSettings {
    ThrottleSettings {
        messages: 10,
        spool_factor: 10,
        tracking_factor: 10,
        in_process: 10,
        threads: 10,
        sessions: 10,
        process_memory: 300,
        system_memory: 10,
        ..ThrottleSettings::default()
    }
}

/// What is imposed after ten looks, half a second apart, at the same readings.
fn after_ten(settings: ThrottleSettings, readings: &Readings) -> Throttle {
    let mut controller = Controller::new(settings, 1);
    let at = |look| Instant::ZERO + Duration::from_millis(500).times(look);
    (0..10).map(|look| controller.look(at(look), readings)).last().expect("it looked")
}

/// A condition, the published codes of publishing and delivery, and a severity for the delay.
type Row = (&'static str, fn(&mut Readings), (u8, u8), u32, (u32, u32));

/// Threads of the engine and looks of the message agent that ten looks take, too.
const TABLE: [Row; 8] = [
    ("in process", |now| now.in_process = 20, (0, 3), 75, (0, 10)),
    ("process memory", |now| now.process_memory = 600, (4, 4), 500, (10, 10)),
    ("system memory", |now| now.system_memory = 20, (5, 5), 500, (10, 10)),
    ("subscribers' queues", |now| now.queued = 20, (6, 0), 1, (10, 0)),
    ("spool", |now| now.spool = 200, (6, 0), 1, (10, 0)),
    ("tracking data", |now| now.tracking = 200, (6, 0), 1, (10, 0)),
    ("sessions", |now| now.sessions = 20, (8, 0), 100, (10, 0)),
    ("threads", |now| now.threads = 20, (9, 9), 100, (10, 10)),
];

#[test]
fn each_condition_brings_about_its_states_pools_and_delays() {
    // R-THR-02, R-THR-03: a state is of the direction that the table has it for, delays grow by
    // the tick times the severity at twice the threshold, pools shrink where the table says so.
    for (what, over, codes, severity, pools) in TABLE {
        let mut readings = Readings::default();
        over(&mut readings);
        let now = after_ten(settings(), &readings);
        assert_eq!((now.publishing.code(), now.delivery.code()), codes, "{what}");
        let due = |code: u8| match code {
            0 => Duration::ZERO,
            _ => Duration::from_millis(u64::from(severity) * 100),
        };
        let delays = (now.publishing_delay, now.delivery_delay);
        assert_eq!(delays, (due(codes.0), due(codes.1)), "{what}");
        assert_eq!((now.threads_less, now.looks_less), pools, "{what}");
    }
}

#[test]
fn at_its_threshold_no_condition_holds_and_zero_switches_each_off() {
    // R-THR-02: above, not at.
    let at = Readings {
        in_process: 10,
        process_memory: 300,
        system_memory: 10,
        queued: 10,
        spool: 100,
        tracking: 100,
        sessions: 10,
        threads: 10,
        ..Readings::default()
    };
    assert_eq!(after_ten(settings(), &at), Throttle::default());
    let off = ThrottleSettings {
        messages: 0,
        in_process: 0,
        threads: 0,
        sessions: 0,
        process_memory: 0,
        system_memory: 0,
        ..settings()
    };
    for (what, over, ..) in TABLE {
        let mut readings = Readings::default();
        over(&mut readings);
        assert_eq!(after_ten(off, &readings), Throttle::default(), "{what}");
    }
}

#[test]
fn the_defaults_are_the_published_ones() {
    // R-THR-02, R-THR-03, R-GC-04: the settings dashboard and the table script agree.
    let own = ThrottleSettings::default();
    for way in [own.publishing, own.delivery] {
        let five_minutes = Duration::from_millis(300_000);
        let published = (100, Duration::from_millis(15_000), 125, five_minutes);
        assert_eq!((way.samples, way.window, way.overdrive, way.delay_max), published);
        assert_eq!(way.said, Override::Automatic);
    }
    assert_eq!((own.messages, own.spool_factor, own.tracking_factor), (50_000, 10, 10));
    assert_eq!((own.in_process, own.threads, own.sessions, own.system_memory), (1000, 0, 0, 0));
    assert_eq!((own.batch_memory, own.gc_trigger), (1, 80));
    let severities = Severities { memory: 500, database: 1, in_process: 75, said: 100 };
    assert_eq!(own.severities, severities);
}

#[test]
fn each_direction_goes_by_its_own_settings() {
    // R-THR-03: in both directions 3 messages come for each that goes, 60 in the window.
    let totals = |look: u64| Totals {
        handed_in: 30 * look,
        committed: 10 * look,
        taken: 30 * look,
        finished: 10 * look,
    };
    let codes = |delivery: Direction| {
        let publishing = Direction { samples: 60, ..Direction::default() };
        let mut own = Controller::new(
            ThrottleSettings { publishing, delivery, ..ThrottleSettings::default() },
            1,
        );
        let look = |look| {
            let now = Instant::ZERO + Duration::from_millis(500).times(look);
            own.look(now, &Readings { totals: totals(look), ..Readings::default() })
        };
        let last = (0..3).map(look).last().unwrap();
        (last.publishing.code(), last.delivery.code())
    };
    let alike = Direction { samples: 60, ..Direction::default() };
    assert_eq!(codes(alike), (2, 1));
    for (what, delivery) in [
        ("too few", Direction { samples: 61, ..alike }),
        ("allowed", Direction { overdrive: 300, ..alike }),
        ("off", Direction { delay_max: Duration::ZERO, ..alike }),
        ("a window of one look", Direction { window: Duration::from_millis(400), ..alike }),
    ] {
        assert_eq!(codes(delivery), (2, 0), "{what}");
    }
}

#[test]
fn the_next_process_has_a_controller_that_knows_nothing() {
    let mut own = Controller::new(settings(), 2);
    let full = Readings { queued: 20, process_memory: 600, ..Readings::default() };
    own.look(Instant::ZERO, &full);
    let later = Instant::ZERO + Duration::from_secs(7);
    let mut next = own.anew(later);
    assert_eq!((next.throttle(), next.told().since), (Throttle::default(), (later, later)));
    assert_eq!(next.told().readings, Readings::default());
    // Of the same settings, and of as many processors.
    let busy = Readings { threads: 20, ..Readings::default() };
    assert_eq!(next.look(later, &busy), Throttle::default());
    let busy = Readings { threads: 21, ..Readings::default() };
    assert_eq!(next.look(later, &busy).publishing.code(), 9);
}
