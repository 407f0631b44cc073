//! Virtual users: a closed loop, in which a request waits for the end of the one before it.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::distribution::{DISTRIBUTION, Distribution};
use super::row::{Kind, Row, Shape};

/// A population of users.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Users {
    /// Those who are there from the start.
    pub count: u32,
    /// How long each thinks before a request.
    pub think: Distribution,
    /// Those who come later.
    pub step: Option<UserStep>,
}

/// Users who come later.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserStep {
    /// How many come at a time.
    pub add: u32,
    /// How often.
    pub every: Duration,
    /// Until there are so many.
    pub most: u32,
}

static STEP: Shape = Shape::of(
    "step",
    "users who come later",
    &[
        Row::required("add", Kind::Integer(1, 1_000_000), "how many come at a time"),
        Row::required("every", Kind::PositiveDuration, "how often"),
        Row::required("most", Kind::Integer(1, 1_000_000), "until there are so many"),
    ],
)
.inline();

pub(crate) static USERS: Shape = Shape::of(
    "users",
    "users who wait for the end of one request before they think of the next",
    &[
        Row::required("count", Kind::Integer(1, 1_000_000), "those who are there from the start"),
        Row::default(
            "think",
            Kind::Table(&DISTRIBUTION),
            "'0 s'",
            "how long each thinks before a request, the first included",
        ),
        Row::optional("step", Kind::Table(&STEP), "nobody comes later", "users who come later"),
    ],
)
.inline();

impl Bind for Users {
    const SHAPE: &'static Shape = &USERS;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("count", &mut self.count);
        b.key("think", &mut self.think);
        b.key("step", &mut self.step);
        if b.reading() && self.step.as_ref().is_some_and(|step| step.most < self.count) {
            b.refuse("step", "'most' is less than those who are there from the start", "");
        }
    }
}

impl Bind for UserStep {
    const SHAPE: &'static Shape = &STEP;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("add", &mut self.add);
        b.key("every", &mut self.every);
        b.key("most", &mut self.most);
    }
}
