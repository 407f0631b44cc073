//! What operators do: to what there is, and what changes nothing.

use floodgate_engine::message_box::MessageBoxPolicy;

use super::Checker;
use crate::plan::operate::{Act, Operate, Target};
use crate::plan::scenario::Scenario;

pub(super) fn check(checker: &mut Checker<'_>) {
    for n in 0..checker.scenario.acts.len() {
        named(checker, n);
        publication(checker, n);
        away(checker, n);
    }
    refresh(checker);
}

/// An act is done to one thing, of a kind that it can be done to.
fn named(checker: &mut Checker<'_>, n: usize) {
    let scenario = checker.scenario;
    let act = &scenario.acts[n];
    let (path, targets) = (format!("operate.{n}.to"), act.act.targets());
    if let Some(kind) = act.kind.filter(|kind| !targets.contains(kind)) {
        let message =
            format!("'{}' is nothing that is done to a {}", act.act.word(), kind.called());
        let words: Vec<_> = targets.iter().map(|target| target.word()).collect();
        let help = format!("it is done to: {}", words.join(", "));
        checker.refuse(&format!("operate.{n}.kind"), &message, help);
        return;
    }
    let wanted = |target: &&Target| act.kind.is_none_or(|kind| kind == **target);
    let wanted: Vec<Target> = targets.iter().filter(wanted).copied().collect();
    let called: Vec<_> = wanted.iter().map(|target| target.called()).collect();
    let names = wanted.iter().flat_map(|target| target.names(scenario));
    checker.refer(&path, &called.join(" or "), &act.to, names);
    let meant = act.meant(scenario);
    if meant.len() > 1 {
        let called: Vec<_> = meant.iter().map(|target| target.called()).collect();
        let message = format!("'{}' is a {}", act.to, called.join(" and a "));
        let words: Vec<_> = meant.iter().map(|target| target.word()).collect();
        let help = format!("say which with 'kind': {}", words.join(", "));
        checker.refuse(&path, &message, help);
    }
}

/// Whether an act switches the publication of a MessageBox, and on or off.
const fn switches(act: &Operate) -> Option<bool> {
    match act.act {
        Act::DisablePublication => Some(false),
        Act::EnablePublication => Some(true),
        Act::Disable
        | Act::Enable
        | Act::Enlist
        | Act::MessageBoxOffline
        | Act::MessageBoxOnline
        | Act::Resume
        | Act::Save
        | Act::Start
        | Act::Stop
        | Act::Suspend
        | Act::Terminate
        | Act::Unenlist => None,
    }
}

/// A MessageBox that is told what it does already, or whom nobody can stand in for (R-MMB-04).
fn publication(checker: &mut Checker<'_>, n: usize) {
    let scenario = checker.scenario;
    let act = &scenario.acts[n];
    let Some(publishes) = switches(act) else { return };
    let path = format!("operate.{n}.do");
    let mut boxes = scenario.message_boxes.iter();
    let Some(own) = boxes.find(|own| own.name == act.to) else { return };
    if scenario.message_boxes.len() == 1 {
        let message = format!("'{}' says nothing: there is no other MessageBox", act.act.word());
        let help = "R-MMB-04: messages that activate something have to go somewhere";
        return checker.warn(&path, message, help);
    }
    let earlier = scenario.acts.iter().enumerate().filter(|(k, other)| {
        other.to == act.to && (other.at, *k) < (act.at, n) && switches(other).is_some()
    });
    let last = earlier.max_by_key(|(k, other)| (other.at, *k)).and_then(|(_, last)| switches(last));
    if last.unwrap_or(own.publishes) == publishes {
        let does = if publishes { "takes" } else { "takes no" };
        let message = format!(
            "'{}' changes nothing: '{}' {does} new messages by then",
            act.act.word(),
            act.to
        );
        checker.warn(&path, message, "R-MMB-04: leave it out, or say the opposite before");
    } else if !publishes && leaves_nobody(checker.scenario, n) {
        let message = "no MessageBox takes new messages from then on: the master does so all the \
                       same";
        let help = "R-MMB-04: enable another one at that time, or before";
        checker.warn(&path, message, help);
    }
}

/// The only MessageBox goes and does not come back: what is with a host instance by then is never
/// disposed of, and stays locked (R-ADD-02, R-MMB-06).
fn away(checker: &mut Checker<'_>, n: usize) {
    let scenario = checker.scenario;
    let act = &scenario.acts[n];
    let is_only = scenario.message_boxes.len() == 1 && scenario.message_boxes[0].name == act.to;
    if act.act != Act::MessageBoxOffline || !is_only {
        return;
    }
    let mut acts = scenario.acts.iter().enumerate();
    let comes_back = acts.any(|(k, other)| {
        other.act == Act::MessageBoxOnline && other.to == act.to && (other.at, k) > (act.at, n)
    });
    if !comes_back {
        let message = format!(
            "'{}' is the only MessageBox and never comes back: what is locked by then stays \
             locked, and nothing goes on",
            act.to
        );
        let help = "R-ADD-02: plan an [[operate]] with do = 'message_box_online' after it";
        checker.warn(&format!("operate.{n}.do"), message, help);
    }
}

/// Whether act `n` is the last of its instant that switches publication, and all are off then.
fn leaves_nobody(scenario: &Scenario, n: usize) -> bool {
    let at = scenario.acts[n].at;
    let switching = || scenario.acts.iter().enumerate().filter(|(_, act)| switches(act).is_some());
    let is_last = !switching().any(|(k, act)| act.at == at && k > n);
    is_last
        && scenario.message_boxes.iter().all(|own| {
            let told = switching().filter(|(_, act)| act.to == own.name && act.at <= at);
            let last = told.max_by_key(|(k, act)| (act.at, *k));
            !last.and_then(|(_, act)| switches(act)).unwrap_or(own.publishes)
        })
}

/// The caches that nothing is changed in.
fn refresh(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    let is_set = scenario.policy.cache_refresh != MessageBoxPolicy::default().cache_refresh;
    if is_set && scenario.acts.iter().all(|act| switches(act).is_none()) {
        let message = "'cache_refresh' says nothing: nobody switches the publication of a \
                       MessageBox";
        let help = "R-MMB-05: plan an [[operate]] with do = 'disable_publication'";
        checker.warn("policy.cache_refresh", message, help);
    }
}
