//! What an adapter says of itself, and which clauses follow from it.

/// What an adapter claims: the clauses of a claim are judged, those of the others are listed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Claims {
    /// It receives.
    pub receives: Option<Receives>,
    /// It sends.
    pub sends: Option<Sends>,
}

/// What a receiving adapter claims besides.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Receives {
    /// It submits in the order of its source (R-BC-11, R-ORD-17).
    pub ordered: bool,
    /// It reads its source inside a transaction (R-TXN-05).
    pub transactional: bool,
    /// It serves two-way receive ports (R-RR-01, R-LIFE-04).
    pub two_way: bool,
}

/// What a sending adapter claims besides.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sends {
    /// It returns from every call at once and disposes of messages itself (R-SND-06).
    pub asynchronous: bool,
    /// It holds the engine's thread while the wire works (R-SND-09).
    pub blocking: bool,
    /// It takes adapter batches (R-SND-02).
    pub batched: bool,
    /// It transmits inside a transaction (R-TXN-06).
    pub transactional: bool,
    /// It serves solicit-response ports (R-SR-01).
    pub two_way: bool,
}

impl Receives {
    /// A plain one-way receiver.
    pub const NONE: Self = Self { ordered: false, transactional: false, two_way: false };
}

impl Sends {
    /// Nothing claimed yet.
    pub const NONE: Self = Self {
        asynchronous: false,
        blocking: false,
        batched: false,
        transactional: false,
        two_way: false,
    };

    /// Whether it disposes of messages itself: all but blocking one-at-a-time ones do.
    #[must_use]
    pub const fn disposes(&self) -> bool {
        self.asynchronous || self.batched
    }
}

/// The claim that a clause follows from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Claim {
    Batched,
    Blocks,
    Disposes,
    OrderedReceives,
    Receives,
    Sends,
    TransactionalReceives,
    TransactionalSends,
    TwoWayReceives,
    TwoWaySends,
}

impl Claim {
    /// Whether `claims` makes it.
    pub(super) fn is_made(self, claims: &Claims) -> bool {
        let receives = |ask: fn(&Receives) -> bool| claims.receives.as_ref().is_some_and(ask);
        let sends = |ask: fn(&Sends) -> bool| claims.sends.as_ref().is_some_and(ask);
        match self {
            Self::Batched => sends(|sends| sends.batched),
            Self::Blocks => sends(|sends| !sends.disposes()),
            Self::Disposes => sends(Sends::disposes),
            Self::OrderedReceives => receives(|receives| receives.ordered),
            Self::Receives => receives(|_| true),
            Self::Sends => sends(|_| true),
            Self::TransactionalReceives => receives(|receives| receives.transactional),
            Self::TransactionalSends => sends(|sends| sends.transactional),
            Self::TwoWayReceives => receives(|receives| receives.two_way),
            Self::TwoWaySends => sends(|sends| sends.two_way),
        }
    }

    /// How the macro's arguments say it.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Batched => "sends(…, batched)",
            Self::Blocks => "sends(blocking)",
            Self::Disposes => "sends(asynchronous) or sends(blocking, batched)",
            Self::OrderedReceives => "receives(ordered)",
            Self::Receives => "receives",
            Self::Sends => "sends",
            Self::TransactionalReceives => "receives(transactional)",
            Self::TransactionalSends => "sends(…, transactional)",
            Self::TwoWayReceives => "receives(two_way)",
            Self::TwoWaySends => "sends(…, two_way)",
        }
    }
}
