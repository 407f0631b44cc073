//! Where everything ended up: two accounts that close, what was suspended and why, what clients
//! were told.

use serde::{Deserialize, Serialize};

use crate::figure::figures;
use crate::number::{count, seconds};
use crate::record::Record;

figures! {
    /// Documents that came to receive locations, and what became of them there: the first is the
    /// sum of the others.
    #[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
    pub struct Intake {
        /// All that came: offered by loads, forwarded or replied by partners. Unit: documents.
        pub arrived: u64,
        /// Published in the MessageBox. Unit: documents.
        pub published: u64,
        /// Consumed by a receive pipeline, or never pulled from one that did. Unit: documents.
        pub consumed: u64,
        /// Dropped because their sender could not be authenticated. Unit: documents.
        pub dropped: u64,
        /// Those in whose place error messages were published. Unit: documents.
        pub error_messages: u64,
        /// In the suspended queue when the run ended, never published. Unit: documents.
        pub suspended: u64,
        /// Terminated there by an operator. Unit: documents.
        pub terminated: u64,
        /// Of clients who were told that it failed, or whose connection broke. Unit: documents.
        pub turned_away: u64,
        /// Replies of partners that nobody took: their adapters could not hand them in, or ended
        /// with them. Unit: documents.
        #[serde(default)]
        pub discarded: u64,
        /// Not taken in when the run ended. Unit: documents.
        pub waiting: u64,
    }

    /// What subscribers were to get, one for each document and subscription it matched: the first
    /// is the sum of the others.
    #[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
    pub struct Deliveries {
        /// All that were ever owed. Unit: deliveries.
        pub owed: u64,
        /// Those that the subscriber has got. Unit: deliveries.
        pub delivered: u64,
        /// Consumed by a send pipeline. Unit: deliveries.
        pub consumed: u64,
        /// Those in whose place error messages were published. Unit: deliveries.
        pub error_messages: u64,
        /// In the suspended queue when the run ended. Unit: deliveries.
        pub suspended: u64,
        /// Terminated by an operator. Unit: deliveries.
        pub terminated: u64,
        /// Queued or under way when the run ended. Unit: deliveries.
        pub waiting: u64,
    }

    /// Suspensions at one place for one reason.
    #[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
    pub struct SuspensionUse {
        /// The receive location, send port, two-way receive port or orchestration.
        pub at: String,
        /// Why.
        pub reason: String,
        /// The code of the failure, as error messages carry it.
        pub code: String,
        /// How often, those included that were resumed since. Unit: messages.
        pub times: u64,
    }

    /// A receive location that broke, and was closed by its adapter in one host instance.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct ClosureUse {
        /// The location.
        pub location: String,
        /// The host instance.
        pub instance: String,
        /// When it was closed first. Unit: s.
        pub closed_seconds: f64,
        /// How often it was closed, tries in vain not counted. Unit: times.
        pub times: u64,
        /// How often it was opened and found broken still. Unit: times.
        pub in_vain: u64,
        /// When it was opened for good; null if it never was. Unit: s.
        pub open_seconds: Option<f64>,
    }

    /// What clients that wait were told.
    #[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
    pub struct AnswersUse {
        /// Responses: 200. Unit: answers.
        pub responses: u64,
        /// One-way messages that were taken: 202. Unit: answers.
        pub accepted: u64,
        /// Failures: 500, faults included. Unit: answers.
        pub failed: u64,
        /// Faults that the engine made in place of a response: the time was over, or the request
        /// could not be processed. Unit: answers.
        pub faults: u64,
        /// Clients that were not who they said: 401. Unit: answers.
        pub unauthorized: u64,
        /// Clients whose connection broke with the process that was to answer. Unit: answers.
        pub broken: u64,
        /// Responses that found nobody waiting any more. Unit: responses.
        pub late: u64,
    }
}

/// One line about where things ended up: a name, how many, and what that means.
pub(crate) struct FateLine {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) note: String,
}

/// Both accounts, and the ends that are out of the ordinary, where there were any.
pub(crate) fn fates(record: &Record) -> Vec<FateLine> {
    let (Intake { published, .. }, owed) = (record.intake, record.deliveries);
    let came = record.intake;
    let ways = |(inbound, outbound): (u64, u64), what: &str| {
        let side =
            |count_: u64, side: &str| (count_ > 0).then(|| format!("{} {side}", count(count_)));
        let sides = [side(inbound, "on the way in"), side(outbound, "on the way out")];
        format!("{what}: {}", sides.into_iter().flatten().collect::<Vec<_>>().join(", "))
    };
    let both = |name, own: (u64, u64), what: &str| FateLine {
        name,
        value: count(own.0 + own.1),
        note: if own.0 + own.1 > 0 { ways(own, what) } else { String::new() },
    };
    let ends = [
        both("Consumed", (came.consumed, owed.consumed), "by pipelines"),
        both("Dropped", (came.dropped, 0), "not authenticated"),
        both("Error messages", (came.error_messages, owed.error_messages), "published instead"),
        both("Terminated", (came.terminated, owed.terminated), "by an operator"),
        both("Turned away", (came.turned_away, 0), "clients told that it failed"),
        both("Replies discarded", (came.discarded, 0), "nobody took them"),
    ];
    let mut lines: Vec<FateLine> = ends.into_iter().filter(|line| line.value != "0").collect();
    let intake = [
        (published, "published"),
        (came.consumed, "consumed"),
        (came.dropped, "dropped"),
        (came.error_messages, "error messages"),
        (came.suspended, "suspended"),
        (came.terminated, "terminated"),
        (came.turned_away, "turned away"),
        (came.discarded, "replies discarded"),
        (came.waiting, "waiting"),
    ];
    let deliveries = [
        (owed.delivered, "delivered"),
        (owed.consumed, "consumed"),
        (owed.error_messages, "error messages"),
        (owed.suspended, "suspended"),
        (owed.terminated, "terminated"),
        (owed.waiting, "waiting"),
    ];
    lines.extend(closures(record));
    if lines.is_empty() && came.suspended + owed.suspended == 0 {
        return lines;
    }
    let sums = [
        ("Arrived", came.arrived, sum("documents", &intake)),
        ("Owed", owed.owed, sum("deliveries", &deliveries)),
    ];
    let sums = sums.into_iter().filter(|(_, all, _)| *all > 0);
    lines.extend(sums.map(|(name, all, note)| FateLine { name, value: count(all), note }));
    lines
}

/// The locations that were closed, each with its story, if there are any.
fn closures(record: &Record) -> Option<FateLine> {
    let times =
        |count_: u64| if count_ == 1 { "once".into() } else { format!("{} times", count(count_)) };
    let one = |own: &ClosureUse| {
        let again =
            if own.times > 1 { format!(", {} in all", times(own.times)) } else { String::new() };
        let tried = match own.in_vain {
            0 => String::new(),
            in_vain => format!(", tried {} in vain", times(in_vain)),
        };
        let open = match own.open_seconds {
            Some(at) => format!("open again at {}", seconds(at)),
            None => "closed to the end".to_owned(),
        };
        let (location, instance) = (&own.location, &own.instance);
        let at = seconds(own.closed_seconds);
        format!("{location} in {instance} at {at}{again}{tried}, {open}")
    };
    let stories: Vec<_> = record.closures.iter().map(one).collect();
    (!stories.is_empty()).then(|| FateLine {
        name: "Locations closed",
        value: count(stories.len() as u64),
        note: stories.join("; "),
    })
}

/// What clients were told, if there are any.
pub(crate) fn answers(record: &Record) -> Option<FateLine> {
    let own = record.answers?;
    let told = own.responses + own.accepted + own.failed + own.unauthorized + own.broken;
    let parts = [
        (own.responses, "responses"),
        (own.accepted, "accepted"),
        (own.failed.saturating_sub(own.faults), "failed"),
        (own.faults, "faults of the engine"),
        (own.unauthorized, "unauthorized"),
        (own.broken, "connections broken"),
    ];
    let late = match own.late {
        0 => String::new(),
        late => format!("; {} responses came too late", count(late)),
    };
    let note = sum("told to clients", &parts) + &late;
    Some(FateLine { name: "Answers", value: count(told), note })
}

/// `documents = 16 published + 4 dropped`, without what is nothing.
fn sum(what: &str, parts: &[(u64, &str)]) -> String {
    let parts = parts.iter().filter(|(own, _)| *own > 0);
    let parts: Vec<_> = parts.map(|(own, word)| format!("{} {word}", count(*own))).collect();
    format!("{what} = {}", parts.join(" + "))
}
