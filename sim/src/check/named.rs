//! Numbers by which checks know things, shown to an explorer as what they are.

/// A batch, among those of its adapter.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Cookie(pub(super) u64);

/// A reference, by its place in publication order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Sequence(pub(super) u64);

/// A wire message.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Wire(pub(super) u64);

/// An adapter instance.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Node(pub(super) u32);
