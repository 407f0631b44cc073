//! Line and dot charts as inline SVG.
//!
//! plotters draws; the colours it writes are names that the page's style sheet overrides, so one
//! drawing serves light, dark and paper. Title and legend are HTML around the drawing, because text
//! there keeps its size when the drawing shrinks to a telephone. Bars need no drawing at all: they
//! are table cells with a background.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;

/// The canvas. Twice the size it is shown at, because plotters rounds to whole pixels.
const SIZE: (u32, u32) = (960, 520);
const TEXT_PX: i32 = 32;

// Okabe and Ito's colours, which stay apart for every kind of colour vision. The style sheet names
// the same values.
const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
const VERMILION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
const GREEN: RGBColor = RGBColor(0x00, 0x9E, 0x73);
const BLACK_INK: RGBColor = RGBColor(0x44, 0x44, 0x44);
const SHADE: RGBColor = RGBColor(0xEE, 0xEE, 0xEE);
const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);
const LABEL: RGBColor = RGBColor(0x66, 0x66, 0x66);

/// What stops a drawing.
#[derive(Debug, thiserror::Error)]
#[error("drawing `{title}`: {reason}")]
pub struct ChartError {
    title: String,
    reason: String,
}

/// How a line or a dot looks: by colour and by dash or shape, so that neither carries the meaning
/// alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ink {
    /// Grey and dashed; an open triangle.
    Aside,
    /// Blue; a full circle.
    First,
    /// Vermilion; a cross.
    Second,
    /// Green and dotted; a cross.
    Third,
}

impl Ink {
    /// The class of its swatch in the legend.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Aside => "aside",
            Self::First => "first",
            Self::Second => "second",
            Self::Third => "third",
        }
    }

    const fn colour(self) -> RGBColor {
        match self {
            Self::Aside => BLACK_INK,
            Self::First => BLUE,
            Self::Second => VERMILION,
            Self::Third => GREEN,
        }
    }
}

/// One series.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) ink: Ink,
    pub(crate) points: Vec<(f64, f64)>,
}

/// One chart, ready to draw.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) title: String,
    /// What the axes count, for the line under the title.
    pub(crate) axes: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
    /// Stretches of the x axis to shade.
    pub(crate) shades: Vec<(f64, f64)>,
    /// Dots instead of lines.
    pub(crate) dots: bool,
    /// Intervals: a place, the low and the high end.
    pub(crate) whiskers: Vec<(f64, [f64; 2])>,
    /// Lines behind the dots, to hold them against.
    pub(crate) guides: Vec<Series>,
}

impl Chart {
    /// Whether there is anything to see.
    pub(crate) fn is_empty(&self) -> bool {
        !self.series.iter().any(|series| series.points.iter().any(|point| point.1.is_finite()))
    }

    /// Whether its shaded stretch needs a word in the legend.
    pub(crate) fn shaded(&self) -> bool {
        !self.shades.is_empty()
    }

    /// The drawing: one `<svg>` element, the same bytes for the same chart.
    pub(crate) fn svg(&self) -> Result<String, ChartError> {
        let mut text = String::new();
        self.draw(&mut text).map_err(|reason| ChartError { title: self.title.clone(), reason })?;
        // In HTML an inline drawing needs no name space, and its size is for the style sheet to
        // say.
        let inner = text.split_once('>').map_or("", |(_, inner)| inner);
        let (width, height) = SIZE;
        let label = escaped(&self.title);
        Ok(format!(
            r#"<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{inner}"#
        ))
    }

    fn draw(&self, text: &mut String) -> Result<(), String> {
        let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin_top(20)
            .margin_right(64)
            .x_label_area_size(52)
            .y_label_area_size(128)
            .build_cartesian_2d(self.x.clone(), self.y.clone())
            .map_err(|error| error.to_string())?;
        for (from, to) in &self.shades {
            let corners = [(*from, self.y.from), (to.min(self.x.to), self.y.to)];
            chart
                .draw_series([Rectangle::new(corners, SHADE.filled())])
                .map_err(|error| error.to_string())?;
        }
        let label = ("sans-serif", TEXT_PX).into_font().color(&LABEL);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(2))
            .axis_style(LABEL.stroke_width(2))
            .x_label_style(label.pos(Pos::new(HPos::Center, VPos::Top)))
            .y_label_style(("sans-serif", TEXT_PX).into_font().color(&LABEL))
            .draw()
            .map_err(|error| error.to_string())?;
        let bars = self.whiskers.iter().flat_map(|(at, ends)| self.whisker(*at, *ends));
        chart.draw_series(bars).map_err(|error| error.to_string())?;
        for guide in &self.guides {
            chart.draw_series(lines(guide)).map_err(|error| error.to_string())?;
        }
        for series in &self.series {
            let elements = if self.dots { marks(series) } else { lines(series) };
            chart.draw_series(elements).map_err(|error| error.to_string())?;
        }
        area.present().map_err(|error| error.to_string())?;
        Ok(())
    }

    /// An interval: a bar between two strokes.
    fn whisker<'a>(&self, at: f64, [low, high]: [f64; 2]) -> [Element<'a>; 3] {
        /// Half a stroke, as a share of the axis.
        const STROKE: f64 = 0.008;
        let half = STROKE * (self.x.to - self.x.from);
        let stroke = |from, to| PathElement::new([from, to], BLUE.stroke_width(4)).into_dyn();
        [
            stroke((at, low), (at, high)),
            stroke((at - half, low), (at + half, low)),
            stroke((at - half, high), (at + half, high)),
        ]
    }
}

type Element<'a> = DynElement<'static, SVGBackend<'a>, (f64, f64)>;

/// The unbroken stretches of a series; a dot where a stretch is too short for a line to show.
fn lines<'a>(series: &Series) -> Vec<Element<'a>> {
    let colour = series.ink.colour();
    let stretches = series.points.split(|point| !point.1.is_finite());
    stretches
        .filter_map(|stretch| match stretch {
            [] => None,
            [only] => Some(Circle::new(*only, 6, colour.filled()).into_dyn()),
            [..] => Some(PathElement::new(stretch, colour.stroke_width(4)).into_dyn()),
        })
        .collect()
}

fn marks<'a>(series: &Series) -> Vec<Element<'a>> {
    let colour = series.ink.colour();
    let mark = |at: (f64, f64)| match series.ink {
        Ink::Aside => TriangleMarker::new(at, 10, colour.filled()).into_dyn(),
        Ink::First => Circle::new(at, 9, colour.filled()).into_dyn(),
        Ink::Second | Ink::Third => Cross::new(at, 9, colour.stroke_width(4)).into_dyn(),
    };
    series.points.iter().map(|point| mark(*point)).collect()
}

/// Text for an attribute in double quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Chart {
        Chart {
            title: "Rates <\"&".into(),
            axes: "documents/s".into(),
            x: Axis::time(10.0),
            y: Axis::value(3.0),
            series: vec![Series { name: "a".into(), ink: Ink::First, points }],
            shades: vec![(0.0, 2.0)],
            dots: false,
            whiskers: Vec::new(),
            guides: Vec::new(),
        }
    }

    #[test]
    fn a_short_series_draws() {
        assert!(chart(vec![]).is_empty());
        assert!(chart(vec![(0.0, f64::NAN)]).is_empty());
        assert!(chart(vec![]).svg().unwrap().ends_with("</svg>\n"));
        let one = chart(vec![(1.0, 2.0)]).svg().unwrap();
        assert!(one.contains("<circle"), "one sample is a dot");
        let two = chart(vec![(1.0, 2.0), (2.0, 3.0)]).svg().unwrap();
        assert!(two.contains("<polyline fill=\"none\" opacity=\"1\" stroke=\"#0072B2\""));
    }

    #[test]
    fn a_gap_breaks_the_line() {
        let points = vec![(0.0, 1.0), (1.0, 1.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, 1.0)];
        let svg = chart(points).svg().unwrap();
        assert_eq!(svg.matches("stroke=\"#0072B2\"").count(), 2);
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn a_drawing_fetches_nothing_and_its_title_is_escaped() {
        let svg = chart(vec![(1.0, 2.0)]).svg().unwrap();
        assert!(!svg.contains("http"));
        assert!(svg.contains("aria-label=\"Rates &lt;&quot;&amp;\""));
    }
}
