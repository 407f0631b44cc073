//! Fewer points with the same picture: the lowest and the highest of every pixel column.

/// Pixel columns of a chart; two points each.
pub(crate) const COLUMNS: usize = 300;

/// A series without the points that no eye could tell from their neighbours.
///
/// Peaks survive, which a mean would flatten. A column in which nothing was measured leaves a gap.
pub(crate) fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= COLUMNS * 2 {
        return points.to_vec();
    }
    // Samples come at equal intervals, so equal shares of the points are equal columns.
    (0..COLUMNS)
        .flat_map(|column| {
            let from = column * points.len() / COLUMNS;
            let to = (column + 1) * points.len() / COLUMNS;
            ends(&points[from..to])
        })
        .collect()
}

/// The lowest and highest point in order of time, or one gap.
fn ends(column: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let measured = || column.iter().enumerate().filter(|(_, point)| point.1.is_finite());
    let low = measured().min_by(|a, b| a.1.1.total_cmp(&b.1.1));
    let high = measured().max_by(|a, b| a.1.1.total_cmp(&b.1.1));
    match (low, high) {
        (Some((a, low)), Some((b, high))) if a < b => vec![*low, *high],
        (Some((a, low)), Some((b, high))) if a > b => vec![*high, *low],
        (Some((_, only)), _) => vec![*only],
        (None, _) => column.first().copied().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_peak_survives() {
        let mut points: Vec<_> = (0..100_000).map(|n| (f64::from(n), 1.0)).collect();
        points[77_777].1 = 9.0;
        let thinned = thin(&points);
        assert!(thinned.len() <= COLUMNS * 2);
        assert!(thinned.contains(&(77_777.0, 9.0)));
        assert!(thinned.is_sorted_by(|a, b| a.0 < b.0), "in order of time");
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let value = |n: u32| if (400..800).contains(&n) { f64::NAN } else { 1.0 };
        let points: Vec<_> = (0..1_200).map(|n| (f64::from(n), value(n))).collect();
        assert!(thin(&points).iter().any(|point| point.1.is_nan()));
    }

    #[test]
    fn a_short_series_is_untouched() {
        let points = [(0.0, 1.0), (1.0, f64::INFINITY)];
        assert_eq!(thin(&points), points);
    }
}
