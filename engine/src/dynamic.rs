//! Dynamic send ports: which adapter a message leaves by stands in the message, not in the port.
//!
//! A dynamic port has no endpoint of its own (R-DYN-01). The choice is a pure function of two
//! properties of the message and of what is registered ([`choose`], INV-42); everything else, the
//! state of queues and hosts included, has no say.

use crate::config::AliasChoice;
use crate::id::{AdapterId, HostId, SendPortId};
use crate::message::{PropertyId, Value};

/// A send handler that dynamic ports may use: an adapter in a host, with what it answers to.
#[derive(Clone, Debug)]
pub struct SendHandler {
    /// The adapter; its name in the topology is its type name.
    pub adapter: AdapterId,
    /// The host it sends from, unless a port chooses another (R-DYN-06).
    pub host: HostId,
    /// The prefixes it is registered for, such as `FILE://` (R-DYN-04).
    pub aliases: Vec<String>,
    /// The handler's configuration, which stands in for the endpoint's (R-DYN-01).
    pub configuration: Vec<(PropertyId, Value)>,
}

/// That a send port is dynamic (R-DYN-01). It keeps no backup transport (R-RETRY-12), and of its
/// primary transport only the retries and the host, where messages wait that no adapter answers to.
#[derive(Clone, Debug)]
pub struct DynamicPort {
    /// The send port.
    pub port: SendPortId,
    /// The hosts it chose for some adapters, instead of their own (R-DYN-06).
    pub handlers: Vec<(AdapterId, HostId)>,
    /// What an ordered one keeps order among.
    pub order: OrderScope,
}

/// What an ordered dynamic port keeps in order; the rest goes side by side (R-ORD-13).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OrderScope {
    /// Messages to one location, as the newer product does.
    #[default]
    Location,
    /// Messages that leave by one adapter: the older product, or the newer one with "enforce order
    /// across outbound locations".
    TransportType,
}

/// The handler for a message, and its location without the handler's alias (R-DYN-02, R-DYN-03).
///
/// `OutboundTransportType` wins; without it the longest alias that the location begins with, or
/// the first, as chosen (R-DYN-05). Both are compared without regard to case. `None`: nobody
/// answers.
#[must_use]
pub fn choose<'a, 'l>(
    handlers: &'a [SendHandler],
    alias: AliasChoice,
    name_of: impl Fn(AdapterId) -> &'a str,
    transport_type: Option<&str>,
    location: &'l str,
) -> Option<(&'a SendHandler, &'l str)> {
    if let Some(named) = transport_type {
        let known =
            handlers.iter().find(|handler| name_of(handler.adapter).eq_ignore_ascii_case(named))?;
        return Some((
            known,
            location.get(alias_length(known, alias, location)..).unwrap_or_default(),
        ));
    }
    let mut found = handlers
        .iter()
        .map(|handler| (alias_length(handler, alias, location), handler))
        .filter(|(length, _)| *length > 0);
    let (length, handler) = match alias {
        AliasChoice::First => found.next(),
        // Of two equal ones the first registered is taken.
        AliasChoice::Longest => {
            found.reduce(|best, next| if next.0 > best.0 { next } else { best })
        }
    }?;
    Some((handler, &location[length..]))
}

/// The length of the chosen alias of `handler` that `location` begins with.
fn alias_length(handler: &SendHandler, alias: AliasChoice, location: &str) -> usize {
    let begins = |alias: &&String| {
        location.get(..alias.len()).is_some_and(|start| start.eq_ignore_ascii_case(alias))
    };
    let mut lengths = handler.aliases.iter().filter(begins).map(String::len);
    let length = match alias {
        AliasChoice::First => lengths.next(),
        AliasChoice::Longest => lengths.max(),
    };
    length.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handlers() -> Vec<SendHandler> {
        let handler = |adapter: u32, aliases: &[&str]| SendHandler {
            adapter: AdapterId(adapter),
            host: HostId(0),
            aliases: aliases.iter().map(ToString::to_string).collect(),
            configuration: Vec::new(),
        };
        vec![
            handler(0, &["FILE://"]),
            handler(1, &["FTP://", "DIRECT="]),
            handler(2, &["HTTP://", "HTTPS://"]),
            handler(3, &["FILE://archive/"]),
            handler(4, &["mailto:"]),
            handler(5, &["SQL://"]),
        ]
    }

    fn chosen(transport_type: Option<&str>, location: &str) -> Option<(u32, String)> {
        chosen_by(AliasChoice::Longest, &handlers(), transport_type, location)
    }

    fn chosen_by(
        alias: AliasChoice,
        handlers: &[SendHandler],
        transport_type: Option<&str>,
        location: &str,
    ) -> Option<(u32, String)> {
        let names = ["FILE", "FTP", "HTTP", "Archive", "SMTP", "SQL"];
        let found = choose(handlers, alias, |id| names[id.index()], transport_type, location);
        found.map(|(handler, rest)| (handler.adapter.0, rest.to_owned()))
    }

    #[test]
    fn the_type_wins_then_the_longest_alias_whatever_the_case() {
        // R-DYN-02, R-DYN-03, R-DYN-04, R-DYN-05, INV-42.
        let cases = [
            (None, "FILE://C:/out", Some((0, "C:/out"))),
            (None, "file://C:/out", Some((0, "C:/out"))),
            (None, "Direct=OS:x", Some((1, "OS:x"))),
            (None, "https://x", Some((2, "x"))),
            (None, "HTTP://x", Some((2, "x"))),
            (None, "HTTPS://x", Some((2, "x"))),
            (None, "mailto:me@x", Some((4, "me@x"))),
            (None, "FTP://host", Some((1, "host"))),
            (None, "SQL://server", Some((5, "server"))),
            (None, "DIRECT=OS:x", Some((1, "OS:x"))),
            (None, "FILE://archive/x", Some((3, "x"))),
            (Some("FTP"), "FILE://C:/out", Some((1, "FILE://C:/out"))),
            (Some("ftp"), "ftp://host", Some((1, "host"))),
            (Some("FILE"), "C:/out", Some((0, "C:/out"))),
            (Some("Fax"), "FILE://C:/out", None),
            (None, "fax:123", None),
            (None, "FILE:/", None),
            (None, "", None),
        ];
        for (transport_type, location, expected) in cases {
            let expected = expected.map(|(adapter, rest): (u32, &str)| (adapter, rest.to_owned()));
            assert_eq!(chosen(transport_type, location), expected, "{transport_type:?} {location}");
        }
    }

    #[test]
    fn a_location_of_letters_wider_than_a_byte_is_not_cut_in_the_middle() {
        // R-DYN-02.
        assert_eq!(chosen(None, "FILE:/é"), None);
    }

    #[test]
    fn of_several_aliases_the_longest_is_taken_or_the_first() {
        // R-DYN-05: among the handlers, and among the aliases of one.
        let mut two = handlers();
        two[4].aliases = vec!["mail".to_owned(), "mailto:".to_owned()];
        for (location, longest, first) in [
            ("FILE://archive/x", (3, "x"), (0, "archive/x")),
            ("mailto:me", (4, "me"), (4, "to:me")),
        ] {
            let of = |alias| chosen_by(alias, &two, None, location);
            assert_eq!(of(AliasChoice::Longest), Some((longest.0, longest.1.to_owned())));
            assert_eq!(of(AliasChoice::First), Some((first.0, first.1.to_owned())));
        }
    }
}
