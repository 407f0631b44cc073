//! As much of linear algebra as a fit of a dozen parameters needs.

/// A matrix, by rows.
pub type Matrix = Vec<Vec<f64>>;

/// The unit matrix.
#[must_use]
pub fn identity(count: usize) -> Matrix {
    let unit = |row: usize| (0..count).map(|at| f64::from(u8::from(at == row))).collect();
    (0..count).map(unit).collect()
}

/// The sum of the products.
#[must_use]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Solves `a x = b` for a positive definite `a`, by elimination.
#[must_use]
pub fn solve(mut a: Matrix, mut b: Vec<f64>) -> Vec<f64> {
    let count = b.len();
    for pivot in 0..count {
        let above = a[pivot].clone();
        for row in pivot + 1..count {
            let share = a[row][pivot] / above[pivot];
            for (own, above) in a[row].iter_mut().zip(&above).skip(pivot) {
                *own -= share * above;
            }
            b[row] -= share * b[pivot];
        }
    }
    for row in (0..count).rev() {
        let known = dot(&a[row][row + 1..], &b[row + 1..]);
        b[row] = (b[row] - known) / a[row][row];
    }
    b
}

/// The lower triangle whose square is the positive definite `a` (Cholesky).
#[must_use]
pub fn root(a: &Matrix) -> Matrix {
    let count = a.len();
    let mut root = vec![vec![0.0; count]; count];
    for row in 0..count {
        for column in 0..=row {
            let rest = a[row][column] - dot(&root[row][..column], &root[column][..column]);
            root[row][column] =
                if row == column { rest.max(0.0).sqrt() } else { rest / root[column][column] };
        }
    }
    root
}

/// The eigenvalues of a symmetric matrix, by Jacobi's rotations, the largest first.
#[must_use]
pub fn eigenvalues(mut a: Matrix) -> Vec<f64> {
    let count = a.len();
    for _ in 0..60 {
        for p in 0..count {
            for q in p + 1..count {
                rotate(&mut a, p, q);
            }
        }
    }
    let mut values: Vec<f64> = (0..count).map(|at| a[at][at]).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

/// Makes the element at `p`, `q` zero.
fn rotate(a: &mut Matrix, p: usize, q: usize) {
    if a[p][q].abs() < 1e-12 {
        return;
    }
    let theta = 0.5 * (2.0 * a[p][q]).atan2(a[q][q] - a[p][p]);
    let (sine, cosine) = theta.sin_cos();
    for row in a.iter_mut() {
        let (x, y) = (row[p], row[q]);
        (row[p], row[q]) = (cosine * x - sine * y, sine * x + cosine * y);
    }
    let (before, after) = a.split_at_mut(q);
    for (x, y) in before[p].iter_mut().zip(&mut after[0]) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_matrix_is_solved_rooted_and_has_its_eigenvalues() {
        let a = vec![vec![2.0, 1.0], vec![1.0, 2.0]];
        let x = solve(a.clone(), vec![4.0, 5.0]);
        assert!((x[0] - 1.0).abs() < 1e-12 && (x[1] - 2.0).abs() < 1e-12, "{x:?}");
        let values = eigenvalues(a.clone());
        assert!((values[0] - 3.0).abs() < 1e-9 && (values[1] - 1.0).abs() < 1e-9, "{values:?}");
        let root = root(&a);
        assert!((dot(&root[1], &root[1]) - 2.0).abs() < 1e-12, "{root:?}");
        assert!((dot(&root[0], &root[1]) - 1.0).abs() < 1e-12, "{root:?}");
    }
}
