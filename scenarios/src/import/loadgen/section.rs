//! Sections as loads: defaults from the common section, pauses, sizes, stopping.

use floodgate_engine::time::Duration;

use super::Options;
use super::element::{Configuration, Settings, Stop};
use super::throttle;
use crate::plan::load::Load;
use crate::plan::lots::{Lots, Resend};
use crate::plan::rate::Rate;
use crate::plan::size::Sizes;
use crate::plan::{Place, Report};

/// Bytes of a document when the name of its file does not tell.
const SIZE: u64 = 10 * 1024;
/// How long a section without a stop mode sends.
const SECONDS: u64 = 600;
/// `RetryInterval` and `RetryNumber` of the published files, and the most that a load takes.
const RETRY_MILLIS: u64 = 10_000;
const RETRIES: u64 = 1000;
const RETRIES_MAX: u64 = 1_000_000;

/// One load a section.
pub(super) fn loads(
    configuration: &Configuration,
    options: &Options,
    report: &mut Report,
) -> Vec<(String, Load)> {
    if configuration.sections.is_empty() {
        let message = "the configuration has no Section";
        report.refuse(Place::NOWHERE, message, "", "a load is made of each Section");
    }
    let mut loads: Vec<(String, Load)> = Vec::new();
    for (n, section) in configuration.sections.iter().enumerate() {
        let settings = over(section, &configuration.common);
        let wanted = settings.name.clone().filter(|name| !name.trim().is_empty());
        let mut name = wanted.unwrap_or_else(|| format!("Section.{n}"));
        while loads.iter().any(|(_, other)| other.name == name) {
            name = format!("{name}.{n}");
        }
        loads.push(load(name, &settings, options, report));
    }
    loads
}

/// The section's own settings, the common ones where it has none.
fn over(section: &Settings, common: &Settings) -> Settings {
    let (own, common) = (section.clone(), common.clone());
    Settings {
        name: own.name,
        at: own.at,
        threads: own.threads.or(common.threads),
        sleep_millis: own.sleep_millis.or(common.sleep_millis),
        lot: own.lot.or(common.lot),
        stop: own.stop.or(common.stop),
        transport: own.transport.or(common.transport),
        source: own.source.or(common.source),
        large_over: own.large_over.or(common.large_over),
        condition: own.condition.or_else(|| {
            // A section with monitors of its own has a controller of its own.
            common.condition.filter(|_| own.monitors.is_empty())
        }),
        throttle_millis: own.throttle_millis.or(common.throttle_millis),
        monitors: if own.monitors.is_empty() { common.monitors } else { own.monitors },
        creator: own.creator.or(common.creator),
        retry_millis: own.retry_millis.or(common.retry_millis),
        retry_number: own.retry_number.or(common.retry_number),
        noted: common.noted.into_iter().chain(own.noted).collect(),
    }
}

fn load(
    name: String,
    settings: &Settings,
    options: &Options,
    report: &mut Report,
) -> (String, Load) {
    let at = settings.at.unwrap_or(Place::NOWHERE);
    let mut assume = |value: Option<u64>, what: &str, sample: u64| {
        value.unwrap_or_else(|| {
            let message = format!("section '{name}' has no {what}: taken as {sample}");
            report.warn(at, message, "in this section", "the value of the published sample");
            sample
        })
    };
    let threads = assume(settings.threads, "NumThreadsPerSection", 5);
    let lot = assume(settings.lot, "LotSizePerInterval", 25);
    let sleep = assume(settings.sleep_millis, "SleepInterval", 200);
    let controller = throttle::controller(&name, settings, report);
    let send = throttle::send(&name, controller.as_ref(), options, report);
    let creator = settings.creator.as_ref();
    let bytes = size(&name, settings.source.as_deref(), at, report);
    if settings.large_over.is_some_and(|over| bytes > over) {
        let message = format!("section '{name}' streams its source: sent like a small one");
        let help = "give the lots a 'large'";
        report.warn(at, message, "above 'OptimizeLimitFileSize'", help);
    }
    let lots = Lots {
        threads: within(threads, 10_000, "NumThreadsPerSection", at, report),
        lot: within(lot, 1_000_000, "LotSizePerInterval", at, report),
        sleep: pause(sleep, at, report),
        per: options.per,
        send,
        large: None,
        retry: resend(settings, at, report),
        creator: creator.and_then(|said| throttle::creator(&name, said, options, report)),
        controller: controller.map(|(controller, _)| controller),
    };
    let (count, measure) = match settings.stop {
        Some(Stop::Files(files)) => (Some(files.max(1)), None),
        Some(Stop::Seconds(seconds)) => (None, Some(Duration::from_secs(seconds.max(1)))),
        None => {
            let message = format!("section '{name}' has no StopMode: stopped after {SECONDS} s");
            report.warn(at, message, "in this section", "");
            (None, Some(Duration::from_secs(SECONDS)))
        }
    };
    let noted = settings.noted.iter().map(|(element, text)| format!("{element} = {text}"));
    let limit = settings.large_over.map(|over| format!("OptimizeLimitFileSize = {over}"));
    let noted: Vec<String> = noted.chain(limit).collect();
    let origin = format!(
        "LoadGen section {name}, transport {}, source {}; without effect here: {}",
        settings.transport.as_deref().unwrap_or("unnamed"),
        settings.source.as_deref().unwrap_or("unnamed"),
        if noted.is_empty() { "nothing".to_owned() } else { noted.join(", ") },
    );
    let load = Load {
        to: options.to.clone(),
        size: Sizes::Constant(bytes),
        name,
        document_type: "Document".to_owned(),
        documents: 1,
        rate: Rate::Lots(lots),
        count,
        measure,
        ..Load::default()
    };
    (origin, load)
}

/// The number as it fits a load, or a note that it does not.
fn within(number: u64, most: u32, what: &str, at: Place, report: &mut Report) -> u32 {
    match u32::try_from(number) {
        Ok(number) if (1..=most).contains(&number) => number,
        Ok(_) | Err(_) => {
            let message =
                format!("'{what}': expected a whole number from 1 to {most}, found {number}");
            report.refuse(at, message, "in this section", "");
            1
        }
    }
}

/// The pause after a lot. Without one, a simulated sender would send without end at one instant.
fn pause(millis: u64, at: Place, report: &mut Report) -> Duration {
    if millis == 0 {
        let message = "'SleepInterval' is 0: taken as 1 ms";
        report.warn(at, message, "in this section", "a simulated sender takes no time to send");
    }
    Duration::from_millis(millis.max(1))
}

/// What threads do about a failed send. The published sample has no `RetryNumber`, so what is not
/// said is what the published files say.
fn resend(settings: &Settings, at: Place, report: &mut Report) -> Resend {
    let millis = settings.retry_millis.unwrap_or(RETRY_MILLIS);
    if millis == 0 {
        let message = "'RetryInterval' is 0: taken as 1 ms";
        report.warn(at, message, "in this section", "a simulated retry fails at once again");
    }
    let number = settings.retry_number.unwrap_or(RETRIES);
    if number > RETRIES_MAX {
        let message = format!("'RetryNumber' is {number}: taken as {RETRIES_MAX}");
        report.warn(at, message, "in this section", "");
    }
    let number = u32::try_from(number.min(RETRIES_MAX)).unwrap_or(u32::MAX);
    Resend { number, interval: Duration::from_millis(millis.max(1)) }
}

/// The size that the name of the source file tells, as in `Size_2K.xml`.
fn size(name: &str, source: Option<&str>, at: Place, report: &mut Report) -> u64 {
    if let Some(bytes) = source.and_then(size_in_name) {
        return bytes;
    }
    let source = source.unwrap_or("none");
    let message = format!("section '{name}': the size of its source is not known, taken as 10 KB");
    let label = format!("source: {source}");
    report.warn(at, message, label, "change 'size' in the load");
    SIZE
}

/// The first number of a file name that has a unit behind it.
fn size_in_name(path: &str) -> Option<u64> {
    let file = path.rsplit(['/', '\\']).next()?;
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let mut rest = stem;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        rest = &rest[start..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let unit = match after[..letters].to_ascii_uppercase().as_str() {
            "B" | "BYTE" | "BYTES" => Some(1),
            "K" | "KB" => Some(1 << 10),
            "M" | "MB" => Some(1 << 20),
            _ => None,
        };
        if let Some(unit) = unit {
            return digits.parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes > 0);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_file_names() {
        for (path, bytes) in [
            ("@FilePath\\Size_2K.Xml", Some(2048)),
            ("C:\\Loads\\order-10KB.xml", Some(10_240)),
            ("/loads/1MB.txt", Some(1 << 20)),
            ("512B", Some(512)),
            ("Message001.xml", None),
            ("v2_Size_4k.xml", Some(4096)),
            ("2K\\order.xml", None),
            ("99999999999999999999K.xml", None),
            ("", None),
        ] {
            assert_eq!(size_in_name(path), bytes, "{path}");
        }
    }
}
