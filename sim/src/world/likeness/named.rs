//! What is a name in what a world shows, by where it stands.

/// What a name is the name of.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    Cookie,
    Frame,
    Instance,
    Lineage,
    Message,
    /// An adapter instance.
    Node,
    Print,
    Reference,
    /// Publication numbers, which are compared.
    Sequence,
    /// A place at work of a send adapter.
    Slot,
    Wire,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stand<'a> {
    /// The type around it.
    pub(super) owner: &'a str,
    pub(super) field: &'a str,
    pub(super) is_key: bool,
    /// Among what an ordering of a heap compares.
    pub(super) compared: bool,
    /// Its place among what stands together in brackets.
    pub(super) place: usize,
}

/// Whether `word` is a host instance, an adapter instance or a place at work where it stands.
pub(super) fn place_kind(word: &str, stand: Stand<'_>) -> Option<(Kind, u64)> {
    let kind = match (stand.owner, stand.field) {
        ("HostInstanceId" | "HostWake", _) | ("Kill", "instance") => Kind::Instance,
        ("Node", "Node")
        | ("Breaks" | "Fetch" | "SinkCall" | "Wake", "node")
        | ("TransportProxy", "number") => Kind::Node,
        ("Answered" | "Arrived" | "TransactionDone", _) | ("Source", "held" | "watchers")
            if stand.place == 0 =>
        {
            Kind::Node
        }
        ("SinkCall", "token") => Kind::Slot,
        _ => return None,
    };
    Some((kind, word.parse().ok()?))
}

/// Whether `word` is a name where it stands, and of what.
pub(super) fn kind(word: &str, stand: Stand<'_>) -> Option<(Kind, u64)> {
    let table = stand.is_key.then_some(stand.owner);
    if let Some(place) = word.strip_prefix('#') {
        let kind = match stand.field {
            "FrameId" | "CallId" => Kind::Frame,
            "ReferenceId" => Kind::Reference,
            "MessageId" => Kind::Message,
            "frames" if table == Some("HostInstance") => Kind::Frame,
            "rows" if table == Some("Spool") => Kind::Message,
            "references" if table == Some("MessageBox") => Kind::Reference,
            _ => return None,
        };
        return Some((kind, place.parse().ok()?));
    }
    let value = word.parse().ok()?;
    let kind = match (stand.owner, stand.field) {
        _ if stand.compared => Kind::Sequence,
        ("DocumentName", "sequence") => return None,
        (_, "sequence" | "fresh_last" | "next_sequence" | "Sequence") => Kind::Sequence,
        (_, "cookie" | "Cookie") => Kind::Cookie,
        ("DocumentName", "wire") | ("WireMessage", "number") | (_, "numbers" | "Wire") => {
            Kind::Wire
        }
        ("Lane", "sent_last" | "with_adapter" | "failed")
        | ("OrderedPort", "held" | "apart" | "late" | "given_back") => Kind::Sequence,
        (_, "lineage") => Kind::Lineage,
        (_, "fingerprint") => Kind::Print,
        ("Sender", "posted") | ("Receiver", "outstanding") if stand.is_key => Kind::Cookie,
        _ => return None,
    };
    Some((kind, value))
}
