//! Dehydration: when orchestrations that wait leave the memory of their host.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words;

words! {
    /// Whose defaults the measures have.
    pub enum Defaults {
        /// The settings dashboard: shares of virtual and physical memory.
        #[default]
        Dashboard = "dashboard",
        /// The configuration file: MB of virtual and private bytes.
        File = "file",
    }
}

/// When instances that wait are dehydrated; an empty table is the product's default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dehydration {
    /// Which of the two published sets.
    pub defaults: Defaults,
    /// The time where memory is scarce.
    pub min: Duration,
    /// The time where there is plenty.
    pub max: Duration,
    /// The time whatever the memory.
    pub constant: Option<Duration>,
    /// Virtual bytes of the process.
    pub virtual_bytes: Option<Measure>,
    /// Private bytes of the process.
    pub private_bytes: Option<Measure>,
    /// Physical memory of the machine.
    pub physical: Option<Measure>,
    /// Memory that a process can have.
    pub virtual_memory: u64,
    /// Memory of the machine.
    pub physical_memory: u64,
    /// How often those that wait are looked at.
    pub cycle: Duration,
}

/// A measure of memory: per cent up to 100, MB above.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measure {
    /// Where haste begins.
    pub optimal: u32,
    /// Where it is the greatest; zero is off.
    pub max: u32,
}

static MEASURE: Shape = Shape::of(
    "measure",
    "how much memory may be in use: up to 100 per cent of what there can be, above MB",
    &[
        Row::required("optimal", Kind::Integer(0, 100_000_000), "where haste begins"),
        Row::required("max", Kind::Integer(0, 100_000_000), "where it is the greatest; 0 = off"),
    ],
)
.inline();

const AS_SET: &str = "as `defaults` has it";

pub(crate) static DEHYDRATION: Shape = Shape::of(
    "dehydration",
    "when orchestrations that wait leave memory; an empty table is the product's default",
    &[
        Row::default(
            "defaults",
            Kind::Word(Defaults::WORDS),
            "'dashboard'",
            "which of the published sets of measures: virtual 65/85 and physical 70/85 per cent, \
             or virtual 900/1300 and private 50/350 MB",
        ),
        Row::default("min", Kind::Duration, "'1 s'", "the time where memory is scarce"),
        Row::default("max", Kind::Duration, "'30 min'", "the time where there is plenty"),
        Row::optional("constant", Kind::Duration, "by memory", "the time whatever the memory"),
        Row::optional("virtual_bytes", Kind::Table(&MEASURE), AS_SET, "of the process"),
        Row::optional("private_bytes", Kind::Table(&MEASURE), AS_SET, "of the process"),
        Row::optional("physical", Kind::Table(&MEASURE), AS_SET, "of all processes on the machine"),
        Row::default("virtual_memory", Kind::Size, "'2 GB'", "memory that a process can have"),
        Row::default("physical_memory", Kind::Size, "'4 GB'", "memory of the machine"),
        Row::default(
            "cycle",
            Kind::PositiveDuration,
            "'1 s'",
            "how often those that wait are looked at; not published",
        ),
    ],
);

impl Bind for Measure {
    const SHAPE: &'static Shape = &MEASURE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("optimal", &mut self.optimal);
        b.key("max", &mut self.max);
    }
}

impl Bind for Dehydration {
    const SHAPE: &'static Shape = &DEHYDRATION;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("defaults", &mut self.defaults);
        b.key("min", &mut self.min);
        b.key("max", &mut self.max);
        b.key("constant", &mut self.constant);
        b.key("virtual_bytes", &mut self.virtual_bytes);
        b.key("private_bytes", &mut self.private_bytes);
        b.key("physical", &mut self.physical);
        b.key("virtual_memory", &mut self.virtual_memory);
        b.key("physical_memory", &mut self.physical_memory);
        b.key("cycle", &mut self.cycle);
    }
}
