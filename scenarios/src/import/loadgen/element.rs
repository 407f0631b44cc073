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
    /// It has no effect on the load.
    Nothing,
    /// It has an effect on the load and is not carried over; the text says what.
    NotCarried(&'static str),
    /// It sets something.
    Set(fn(&mut Settings, &Text<'_>) -> Result<(), String>),
}

/// The text of an element.
struct Text<'a>(&'a str);

impl Text<'_> {
    fn number(&self) -> Result<u64, String> {
        self.0.parse().map_err(|_| format!("expected a whole number, found '{}'", self.0))
    }
}

use Meaning::{Inner, NotCarried, Nothing, Set};

const STOP_MODE: &[(&str, Meaning)] = &[
    ("NumFiles", Set(|s, text| text.number().map(|n| s.stop = Some(Stop::Files(n))))),
    ("TotalTime", Set(|s, text| text.number().map(|n| s.stop = Some(Stop::Seconds(n))))),
];

/// Where documents go is the scenario's `--to`; what a transport's client needs has no effect.
const DESTINATION: &[(&str, Meaning)] = &[
    ("ClientEndPointName", Nothing),
    ("ClientType", Nothing),
    ("DstFilePath", Nothing),
    ("MaxConcurrentMessages", Nothing),
    ("ShutdownDelay", Nothing),
    ("Transactional", Nothing),
];

/// The elements of a `Section` and of the `CommonSection`, which are the same.
const SECTION: &[(&str, Meaning)] = &[
    ("DstLocation", Inner(&[("Parameters", Inner(DESTINATION))])),
    ("LoadGenVersion", Nothing),
    ("LotSizePerInterval", Set(|s, text| text.number().map(|n| s.lot = Some(n)))),
    ("MessageCreator", NotCarried("every document is made from the size alone")),
    ("NumThreadsPerSection", Set(|s, text| text.number().map(|n| s.threads = Some(n)))),
    ("OptimizeLimitFileSize", Nothing),
    ("RetryInterval", Nothing),
    ("RetryNumber", Nothing),
    ("SleepInterval", Set(|s, text| text.number().map(|n| s.sleep_millis = Some(n)))),
    (
        "SrcFilePath",
        Set(|s, text| {
            s.source = Some(text.0.to_owned());
            Ok(())
        }),
    ),
    ("StopMode", Inner(STOP_MODE)),
    ("ThrottleController", NotCarried("the load keeps its pace whatever the monitor would see")),
    ("Transport", Inner(&[("Assembly", Nothing)])),
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
            Some((_, Nothing | NotCarried(_) | Set(_))) => Nothing,
        };
        if let NotCarried(instead) = known {
            let message = format!("'{name}' is not carried over: {instead}");
            report.warn(at, message, "has no effect here", "");
        }
        let depth = self.open.len();
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
            _ => {}
        }
    }

    fn close(&mut self, text: &str, at: Place, report: &mut Report) {
        let Some((name, Set(set))) = self.open.pop() else { return };
        if let Err(message) = set(self.settings(), &Text(text)) {
            report.refuse(at, format!("'{name}': {message}"), "here", "");
        }
    }
}
