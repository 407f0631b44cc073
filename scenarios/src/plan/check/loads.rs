//! Loads that cannot be offered, or not as they are meant.

use super::Checker;
use crate::plan::load::Load;
use crate::plan::lots::Lots;
use crate::plan::quantity::print_size;
use crate::plan::rate::Rate;
use crate::plan::size::Sizes;

/// Bytes of one interchange, at most: the engine counts them in 32 bits.
const INTERCHANGE_BYTES_MAX: u64 = u32::MAX as u64;

/// Messages of one load of a run, at most: it would take hours to have as many.
const MESSAGES_MAX: f64 = 4e9;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, load) in scenario.loads.iter().enumerate() {
        let path = format!("load.{n}");
        end(checker, &path, load);
        comes_to_an_end(checker, &path, load);
        offers(checker, &path, load);
        mix(checker, &path, load);
        for (at, size, documents) in sizes(&path, load) {
            fits(checker, &at, size, documents);
        }
        if let Rate::Lots(lots) = &load.rate {
            sender(checker, &format!("{path}.rate.lots"), load, lots);
        }
    }
    phases(checker);
    for tail in checker.scenario.tails() {
        let message = format!("{} has no variance: means of single runs say little", tail.what);
        checker.warn(&tail.path, message, "take a 'shape' above 2");
    }
}

/// Loads that never end, or that ask for what they do not have.
fn end(checker: &mut Checker<'_>, path: &str, load: &Load) {
    let phased = !checker.scenario.phases.is_empty();
    let endless = load.count.is_none() && load.measure.is_none() && !phased;
    match &load.rate {
        Rate::AllAtOnce if load.count.is_none() => {
            let message = "all at once, but how many?";
            checker.refuse(&format!("{path}.rate"), message, "give 'count'");
        }
        Rate::Replay(file) => {
            if !file.is_empty() && !checker.scenario.folder.join(file).is_file() {
                let message = format!("there is no file '{file}' to replay");
                let help = "the path is relative to the scenario";
                checker.refuse(&format!("{path}.rate.replay"), message, help);
            }
        }
        Rate::AllAtOnce
        | Rate::Bell(..)
        | Rate::Constant(_)
        | Rate::Floodgate(..)
        | Rate::Lots(_)
        | Rate::Poisson(_)
        | Rate::Ramp(..)
        | Rate::Sine(..)
        | Rate::Steps(..)
        | Rate::Users(_) => {
            if endless {
                let message = "this load never ends";
                checker.refuse(path, message, "give 'measure' (a duration), 'count', or both");
            }
        }
    }
    if phased && (load.measure.is_some() || !load.warm_up.is_zero()) {
        let key = if load.measure.is_some() { "measure" } else { "warm_up" };
        let message = format!("'{key}' is what the phases say");
        checker.refuse(&format!("{path}.{key}"), message, "leave it out, or the [[phase]]s");
    }
    let most = load.kinds().map(|kind| kind.documents).max().unwrap_or(load.documents);
    if load.poison.as_ref().is_some_and(|poison| poison.document > most) {
        let message = format!("an interchange has only {most} documents");
        let help = "poison a document that is there, or give more 'documents'";
        checker.refuse(&format!("{path}.poison.document"), message, help);
    }
}

/// Loads of more messages than any run gets through.
fn comes_to_an_end(checker: &mut Checker<'_>, path: &str, load: &Load) {
    let (form, rate) = match &load.rate {
        Rate::Constant(rate) => ("constant", *rate),
        Rate::Poisson(rate) => ("poisson", *rate),
        // What else there is has a rate that changes, or is told by what comes back.
        Rate::AllAtOnce
        | Rate::Bell(..)
        | Rate::Floodgate(..)
        | Rate::Lots(_)
        | Rate::Ramp(..)
        | Rate::Replay(_)
        | Rate::Sine(..)
        | Rate::Steps(..)
        | Rate::Users(_) => return,
    };
    let Some(measure) = load.measure else { return };
    let most = load.count.map_or(f64::INFINITY, |count| count as f64);
    let messages = (rate * (load.warm_up + measure).as_secs_f64()).min(most);
    if messages > MESSAGES_MAX {
        let message = format!(
            "load '{}' is of {:.0} million messages: no run gets through more than {:.0} million",
            load.name,
            messages / 1e6,
            MESSAGES_MAX / 1e6
        );
        let help = "a lower rate, a shorter 'measure', or a 'count'";
        checker.refuse(&format!("{path}.rate.{form}"), message, help);
    }
}

/// Curves that are flat on the ground: nothing would ever arrive.
fn offers(checker: &mut Checker<'_>, path: &str, load: &Load) {
    let (form, highest) = match &load.rate {
        Rate::Bell(bell, _) => ("bell", bell.low.max(bell.peak)),
        Rate::Ramp(ramp, _) => ("ramp", ramp.from.max(ramp.to)),
        Rate::Sine(sine, _) => ("sine", sine.high),
        // Rates of zero are how a load is switched off.
        Rate::AllAtOnce
        | Rate::Constant(_)
        | Rate::Floodgate(..)
        | Rate::Lots(_)
        | Rate::Poisson(_)
        | Rate::Replay(_)
        | Rate::Steps(..)
        | Rate::Users(_) => return,
    };
    if highest <= 0.0 {
        let message = format!("load '{}' never offers anything: its rate is always 0", load.name);
        checker.refuse(&format!("{path}.rate.{form}"), message, "give it a rate above zero");
    }
}

fn mix(checker: &mut Checker<'_>, path: &str, load: &Load) {
    if load.mix.is_empty() {
        return;
    }
    if load.mix.iter().all(|share| share.weight <= 0.0) {
        let message = "no kind of this mix has a weight: none could be drawn";
        checker.refuse(&format!("{path}.mix"), message, "give one a 'weight' above zero");
    }
    if load.body.is_some() {
        let message = "'body' is one interchange, and a mix has several kinds";
        checker.refuse(&format!("{path}.body"), message, "leave 'body' or 'mix' out");
    }
}

/// Every size of a load, where it stands, and the documents of that size in an interchange.
fn sizes<'a>(path: &str, load: &'a Load) -> Vec<(String, &'a Sizes, u32)> {
    let of_mix = load.kinds_of_mix().enumerate();
    let of_mix = of_mix.map(|(k, kind)| (format!("{path}.mix.{k}"), kind.size, kind.documents));
    std::iter::once((path.to_owned(), &load.size, load.documents)).chain(of_mix).collect()
}

/// Interchanges that are larger than the engine can count.
fn fits(checker: &mut Checker<'_>, path: &str, size: &Sizes, documents: u32) {
    let bytes = size.greatest();
    let printed = print_size(bytes);
    if bytes > INTERCHANGE_BYTES_MAX {
        let message =
            format!("a document of {printed} is too large: at most {INTERCHANGE_BYTES_MAX} B");
        checker.refuse(&format!("{path}.size"), message, "give it less than 4 GB");
    } else if bytes.saturating_mul(u64::from(documents)) > INTERCHANGE_BYTES_MAX {
        let message = format!(
            "an interchange of {documents} documents of {printed} is too large: at most \
             {INTERCHANGE_BYTES_MAX} B"
        );
        let help = "give it fewer 'documents' or a smaller 'size': less than 4 GB in all";
        checker.refuse(&format!("{path}.documents"), message, help);
    }
}

/// Senders that cannot do what they are asked.
fn sender(checker: &mut Checker<'_>, path: &str, load: &Load, lots: &Lots) {
    let alike = load.mix.is_empty() && load.size.constant().is_some();
    if lots.large.is_some() && !alike {
        let message = "which interchanges are large depends on sizes that differ";
        let help = "give the load one size, or leave 'large' out";
        checker.refuse(&format!("{path}.large"), message, help);
    }
    if let Some(creator) = &lots.creator {
        let bytes = load.own_kind().bytes_max();
        let free = Lots { creator: None, ..lots.clone() };
        let (asked, interchanges) = free.period(bytes);
        let asked = interchanges / asked.as_secs_f64();
        let made = f64::from(creator.threads) / creator.takes.as_secs_f64();
        if made < asked {
            let message = format!(
                "the creator makes {made:.1} interchanges a second at most, the lots ask for \
                 {asked:.1}"
            );
            let help = "what is offered is what the creator makes; give it more 'threads'";
            checker.warn(&format!("{path}.creator"), message, help);
        }
    }
    let server = lots.controller.as_ref().and_then(|controller| controller.server.as_ref());
    if let Some(server) = server {
        let servers = checker.scenario.servers.iter().map(|server| server.name.as_str());
        checker.refer(&format!("{path}.controller.server"), "server", server, servers);
    }
}

/// Phases without a load in any of them.
fn phases(checker: &mut Checker<'_>) {
    let phases = &checker.scenario.phases;
    if !phases.is_empty() && phases.iter().all(|phase| phase.speed() <= 0.0) {
        let message = "no phase has a load: the clocks of the loads never run";
        checker.refuse("phase", message, "give a phase that is no drain");
    }
}
