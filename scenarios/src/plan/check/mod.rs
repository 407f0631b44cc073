//! Cross-checks: what no single key can tell. Names that lead nowhere, names given twice,
//! documents that go round for ever, loads that never end.

mod acts;
mod carried;
mod choices;
mod dynamic;
mod end;
mod faults;
mod figures;
mod flow;
mod forgotten;
mod goals;
mod habits;
mod hosts;
mod idle;
mod loads;
mod maps;
mod names;
mod pipelines;
mod properties;
mod references;
mod rounds;
mod settings;
mod tracking;
mod traps;
mod trouble;

use super::nearest::suggestion;
use super::node::Node;
use super::report::Report;
use super::scenario::Scenario;

/// Notes everything wrong or odd between the parts of `scenario`, read from `document`.
pub(crate) fn check(scenario: &Scenario, document: &Node, report: &mut Report) {
    let mut checker = Checker { scenario, document, report };
    names::check(&mut checker);
    references::check(&mut checker);
    acts::check(&mut checker);
    faults::check(&mut checker);
    end::check(&mut checker);
    settings::check(&mut checker);
    choices::check(&mut checker);
    pipelines::check(&mut checker);
    idle::check(&mut checker);
    loads::check(&mut checker);
    maps::check(&mut checker);
    dynamic::check(&mut checker);
    figures::check(&mut checker);
    habits::check(&mut checker);
    hosts::check(&mut checker);
    properties::check(&mut checker);
    flow::check(&mut checker);
    forgotten::check(&mut checker);
    rounds::check(&mut checker);
    tracking::check(&mut checker);
    goals::check(&mut checker);
    traps::check(&mut checker);
}

/// A scenario with the document it came from: problems are noted at paths of the document.
struct Checker<'a> {
    scenario: &'a Scenario,
    document: &'a Node,
    report: &'a mut Report,
}

impl Checker<'_> {
    fn refuse(&mut self, path: &str, message: impl Into<String>, help: impl Into<String>) {
        self.report.refuse(self.document.place(path), message, "here", help);
    }

    fn warn(&mut self, path: &str, message: impl Into<String>, help: impl Into<String>) {
        self.report.warn(self.document.place(path), message, "here", help);
    }

    fn advise(&mut self, path: &str, message: impl Into<String>, help: impl Into<String>) {
        self.report.advise(self.document.place(path), message, "here", help);
    }

    /// Notes it when `name` at `path` is none of `declared`; `what` is what it should be.
    fn refer<'n>(
        &mut self,
        path: &str,
        what: &str,
        name: &str,
        declared: impl Iterator<Item = &'n str>,
    ) {
        let declared: Vec<&str> = declared.collect();
        // An empty name was refused where it was read.
        if name.is_empty() || declared.contains(&name) {
            return;
        }
        let message = format!("no {what} is called '{name}'");
        let help = suggestion(name, declared.iter().copied().filter(|name| !name.is_empty()));
        self.report.refuse(self.document.place(path), message, "not declared", help);
    }
}
