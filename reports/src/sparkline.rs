//! A chart one line high.

/// Characters across.
const WIDTH: usize = 60;

/// From nothing to the peak.
const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The drawing of a series from zero to its peak, and the peak; nothing when nothing was measured.
///
/// Each character is the highest value of its stretch, so that a short burst is not averaged away.
pub(crate) fn sparkline(values: &[f64]) -> Option<(String, f64)> {
    let highest = |values: &[f64]| {
        let finite = values.iter().copied().filter(|value| value.is_finite());
        finite.max_by(f64::total_cmp)
    };
    let peak = highest(values)?;
    let width = values.len().min(WIDTH);
    let stretch = |n: usize| &values[n * values.len() / width..(n + 1) * values.len() / width];
    let level = |value: f64| match peak > 0.0 {
        // Whatever is above nothing is seen.
        true => LEVELS[libm::ceil(value.max(0.0) / peak * 8.0).min(8.0) as usize],
        false => LEVELS[0],
    };
    let drawing = (0..width).map(|n| highest(stretch(n)).map_or('·', level)).collect();
    Some((drawing, peak))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_drawn_from_zero_to_its_peak() {
        let check = |values: &[f64], drawing: &str| {
            assert_eq!(sparkline(values).map(|(drawing, _)| drawing).unwrap_or_default(), drawing);
        };
        check(&[], "");
        check(&[f64::NAN], "");
        check(&[0.0, 0.0], "  ");
        check(&[5.0], "█");
        check(&[0.0, 0.01, 4.0, f64::NAN, 8.0], " ▁▄·█");
        check(&[1.0; 1_000], &"█".repeat(WIDTH));
    }
}
