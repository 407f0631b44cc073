//! The elements of a LoadGen configuration: which are known, and what each sets.

use crate::plan::{Place, Report};

use super::xml::{self, Step};

/// What one `Section`, or the `CommonSection`, says.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub(super) name: Option<String>,
    pub(super) at: Option<Place>,
    pub(super) threads: Option<u64>,
    pub(super) sleep_millis: Option<u64>,
    pub(super) lot: Option<u64>,
    pub(super) stop: Option<Stop>,
    pub(super) transport: Option<String>,
    pub(super) source: Option<String>,
    /// Sources above this size are streamed.
    pub(super) large_over: Option<u64>,
    pub(super) monitors: Vec<Monitor>,
    /// The monitor that the controller heeds.
    pub(super) condition: Option<String>,
    pub(super) throttle_millis: Option<u64>,
    pub(super) creator: Option<Creator>,
    pub(super) retry_millis: Option<u64>,
    pub(super) retry_number: Option<u64>,
    /// What was said and has no effect on a load, element by element.
    pub(super) noted: Vec<(String, String)>,
}

impl Settings {
    /// The folder that the section's messages are dropped into, if that is said.
    pub(super) fn folder(&self) -> Option<&str> {
        let said = self.noted.iter().rev().find(|(element, _)| element == "DstFilePath");
        said.map(|(_, path)| path.trim())
    }
}

/// What a throttle controller looks at.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    pub(super) name: String,
    pub(super) at: Place,
    pub(super) assembly: String,
    pub(super) range: Option<(f64, f64)>,
    pub(super) poll_millis: Option<u64>,
    pub(super) parameters: Vec<String>,
}

/// What makes the messages.
#[derive(Clone, Debug)]
pub(super) struct Creator {
    pub(super) at: Place,
    /// Everything it says, for its kind is told by the name of a class.
    pub(super) says: String,
    pub(super) threads: Option<u64>,
}

/// When a section stops sending.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stop {
    Files(u64),
    Seconds(u64),
}

/// A whole configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Configuration {
    pub(super) common: Settings,
    pub(super) sections: Vec<Settings>,
}

/// What an element means to the import.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// Its elements mean something.
    Inner(&'static [(&'static str, Meaning)]),
    /// It was warned of, or so was what it stands in.
    Nothing,
    /// It has no effect on a load; what it says is kept as a comment.
    Noted,
    /// It sets something.
    Set(fn(&mut Settings, &Text<'_>) -> Result<(), String>),
}

/// The text of an element.
struct Text<'a>(&'a str);

impl Text<'_> {
    fn number(&self) -> Result<u64, String> {
        self.0.parse().map_err(|_| format!("expected a whole number, found '{}'", self.0))
    }

    /// Two numbers with a dash between them, the smaller one first.
    fn range(&self) -> Result<(f64, f64), String> {
        let number = |text: &str| text.trim().parse().ok().filter(|number: &f64| *number >= 0.0);
        let bounds = self.0.split_once('-').and_then(|(low, high)| number(low).zip(number(high)));
        let wrong = || format!("expected a range like '1000-2000', found '{}'", self.0);
        bounds.filter(|(low, high)| low <= high && high.is_finite()).ok_or_else(wrong)
    }
}

use Meaning::{Inner, Noted, Nothing, Set};

const STOP_MODE: &[(&str, Meaning)] = &[
    ("NumFiles", Set(|s, text| text.number().map(|n| s.stop = Some(Stop::Files(n))))),
    ("TotalTime", Set(|s, text| text.number().map(|n| s.stop = Some(Stop::Seconds(n))))),
];

/// Where documents go is the scenario's `--to`; what a transport's client needs has no effect.
const DESTINATION: &[(&str, Meaning)] = &[
    ("ClientEndPointName", Noted),
    ("ClientType", Noted),
    ("DstFilePath", Noted),
    ("MaxConcurrentMessages", Noted),
    ("ShutdownDelay", Noted),
    ("Transactional", Noted),
];

/// What the last monitor that was opened says.
const MONITOR: &[(&str, Meaning)] = &[
    ("Assembly", Set(|s, text| on_monitor(s, |own| own.assembly = text.0.to_owned()))),
    ("Parameters", Set(|s, text| on_monitor(s, |own| own.parameters.push(text.0.to_owned())))),
    (
        "SleepInterval",
        Set(|s, text| {
            let millis = text.number()?;
            on_monitor(s, |own| own.poll_millis = Some(millis))
        }),
    ),
    (
        "ThresholdRange",
        Set(|s, text| {
            let range = text.range()?;
            on_monitor(s, |own| own.range = Some(range))
        }),
    ),
];

const CONTROLLER: &[(&str, Meaning)] = &[
    ("Monitor", Inner(MONITOR)),
    (
        "ThrottleCondition",
        Set(|s, text| {
            s.condition = Some(text.0.to_owned());
            Ok(())
        }),
    ),
    ("ThrottleInterval", Set(|s, text| text.number().map(|n| s.throttle_millis = Some(n)))),
];

/// Public text shows that there are creators, not what they are made of.
const CREATOR: &[(&str, Meaning)] = &[
    (
        "Assembly",
        Set(|s, text| {
            if let Some(creator) = &mut s.creator {
                creator.says.push_str(text.0);
            }
            Ok(())
        }),
    ),
    (
        "NumThreads",
        Set(|s, text| {
            let threads = text.number()?;
            if let Some(creator) = &mut s.creator {
                creator.threads = Some(threads);
            }
            Ok(())
        }),
    ),
];

fn on_monitor(settings: &mut Settings, set: impl FnOnce(&mut Monitor)) -> Result<(), String> {
    if let Some(monitor) = settings.monitors.last_mut() {
        set(monitor);
    }
    Ok(())
}

/// The elements of a `Section` and of the `CommonSection`, which are the same.
const SECTION: &[(&str, Meaning)] = &[
    ("DstLocation", Inner(&[("Parameters", Inner(DESTINATION))])),
    ("LoadGenVersion", Noted),
    ("LotSizePerInterval", Set(|s, text| text.number().map(|n| s.lot = Some(n)))),
    ("MessageCreator", Inner(CREATOR)),
    ("NumThreadsPerSection", Set(|s, text| text.number().map(|n| s.threads = Some(n)))),
    ("OptimizeLimitFileSize", Set(|s, text| text.number().map(|n| s.large_over = Some(n)))),
    ("RetryInterval", Set(|s, text| text.number().map(|n| s.retry_millis = Some(n)))),
    ("RetryNumber", Set(|s, text| text.number().map(|n| s.retry_number = Some(n)))),
    ("SleepInterval", Set(|s, text| text.number().map(|n| s.sleep_millis = Some(n)))),
    (
        "SrcFilePath",
        Set(|s, text| {
            s.source = Some(text.0.to_owned());
            Ok(())
        }),
    ),
    ("StopMode", Inner(STOP_MODE)),
    ("ThrottleController", Inner(CONTROLLER)),
    ("Transport", Inner(&[("Assembly", Noted)])),
];

const ROOT: &[(&str, Meaning)] = &[("CommonSection", Inner(SECTION)), ("Section", Inner(SECTION))];

/// Reads a configuration; every element that is not known is a warning.
pub(super) fn read(file: &str, text: &str, report: &mut Report) -> Configuration {
    let source = report.source(file, text.to_owned());
    let place = |at: usize| {
        let rest = text.get(at..).unwrap_or("");
        let end = at + rest.find(['>', '\n']).map_or(rest.len(), |end| end + 1);
        Place { source, start: at, end }
    };
    let mut walk =
        Walk { configuration: Configuration::default(), open: Vec::new(), common: false };
    let end = xml::read(text, |step| match step {
        Step::Open { name, attributes, at } => walk.open(&name, &attributes, place(at), report),
        Step::Close { text, at } => walk.close(&text, place(at), report),
    });
    if let Err(malformed) = end {
        let message = format!("not XML: {}", malformed.message);
        report.refuse(place(malformed.at), message, "here", "");
    }
    walk.configuration
}

/// The elements that are open, and what has been read so far.
struct Walk {
    configuration: Configuration,
    open: Vec<(String, Meaning)>,
    common: bool,
}

impl Walk {
    /// The section that is being read.
    fn settings(&mut self) -> &mut Settings {
        match self.configuration.sections.last_mut() {
            Some(section) if !self.common => section,
            _ => &mut self.configuration.common,
        }
    }

    fn open(
        &mut self,
        name: &str,
        attributes: &[(String, String)],
        at: Place,
        report: &mut Report,
    ) {
        let known = match self.open.last() {
            None if name == "LoadGenFramework" => Inner(ROOT),
            None => {
                let message = format!("not a LoadGen configuration: the root is '{name}'");
                report.refuse(at, message, "here", "the root of one is 'LoadGenFramework'");
                Nothing
            }
            Some((_, Inner(known))) => {
                let row = known.iter().find(|(known, _)| *known == name);
                row.map_or_else(
                    || {
                        let message = format!("unknown element '{name}'");
                        report.warn(at, message, "not carried over", "");
                        Nothing
                    },
                    |(_, meaning)| *meaning,
                )
            }
            Some((outer, Noted | Set(_))) => {
                let message = format!("unknown element '{name}' in '{outer}'");
                report.warn(at, message, "not carried over", "");
                Nothing
            }
            Some((_, Nothing)) => Nothing,
        };
        let depth = self.open.len();
        if !matches!(known, Nothing) {
            for (key, _) in attributes.iter().filter(|(key, _)| !has_attribute(depth, name, key)) {
                let message = format!("unknown attribute '{key}' of '{name}'");
                report.warn(at, message, "not carried over", "");
            }
        }
        self.open.push((name.to_owned(), known));
        let attribute = |key: &str| {
            attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
        };
        match (depth, name) {
            (1, "CommonSection") => self.common = true,
            (1, "Section") => {
                self.common = false;
                let section =
                    Settings { name: attribute("Name"), at: Some(at), ..Settings::default() };
                self.configuration.sections.push(section);
            }
            (2, "Transport") => self.settings().transport = attribute("Name"),
            (2, "MessageCreator") => {
                let says = attribute("Name").or_else(|| attribute("Type")).unwrap_or_default();
                self.settings().creator = Some(Creator { at, says, threads: None });
            }
            (2, "ThrottleController") => {
                if let Some(mode) = attribute("Mode").filter(|mode| mode != "Custom") {
                    let message = format!("'ThrottleController': unknown mode '{mode}'");
                    report.warn(at, message, "taken as 'Custom'", "");
                }
            }
            (3, "Monitor") => self.settings().monitors.push(Monitor {
                name: attribute("Name").unwrap_or_default(),
                at,
                assembly: String::new(),
                range: None,
                poll_millis: None,
                parameters: Vec::new(),
            }),
            _ => {}
        }
    }

    fn close(&mut self, text: &str, at: Place, report: &mut Report) {
        let Some((name, meaning)) = self.open.pop() else { return };
        if matches!(meaning, Noted) {
            self.settings().noted.push((name, text.to_owned()));
            return;
        }
        let Set(set) = meaning else { return };
        if let Err(message) = set(self.settings(), &Text(text)) {
            report.refuse(at, format!("'{name}': {message}"), "here", "");
        }
    }
}

/// Whether an element at its depth has such an attribute.
fn has_attribute(depth: usize, element: &str, key: &str) -> bool {
    match (depth, element) {
        // The root says whose words it uses.
        (0, _) => key.starts_with("xmlns") || key.starts_with("xsi:"),
        (1, "Section") | (2, "Transport") | (3, "Monitor") => key == "Name",
        (2, "MessageCreator") => matches!(key, "Name" | "Type"),
        (2, "StopMode" | "ThrottleController") => key == "Mode",
        _ => false,
    }
}
