//! Which shard a job of an array is: the index that its scheduler puts into the environment.

use crate::plan::Problems;

/// The variables that are read, the scheduler each belongs to, and where it begins to count.
pub const ENVIRONMENT: &[(&str, &str, u64)] = &[
    ("JOB_COMPLETION_INDEX", "Kubernetes Indexed Job", 0),
    ("SLURM_ARRAY_TASK_ID", "Slurm array, counted from 0", 0),
    ("AWS_BATCH_JOB_ARRAY_INDEX", "AWS Batch", 0),
    ("CLOUD_RUN_TASK_INDEX", "Cloud Run jobs", 0),
    ("BUILDKITE_PARALLEL_JOB", "Buildkite", 0),
    ("CIRCLE_NODE_INDEX", "CircleCI", 0),
    ("CI_NODE_INDEX", "GitLab", 1),
];

/// The index that the environment gives, read through `variable`.
///
/// # Errors
///
/// No variable, one that is no index, or two that disagree.
pub fn index_of(variable: impl Fn(&str) -> Option<String>) -> Result<u64, Problems> {
    let mut found: Option<(&str, u64)> = None;
    for (name, _, first) in ENVIRONMENT {
        let Some(text) = variable(name) else { continue };
        let number: Option<u64> = text.trim().parse().ok();
        let Some(index) = number.and_then(|number| number.checked_sub(*first)) else {
            let help = format!("a whole number from {first}; --index I says it directly");
            return Err(Problems::one(format!("{name} is '{text}'"), Some(help)));
        };
        match found {
            Some((other, known)) if known != index => {
                let message = format!("{other} means shard {known} and {name} shard {index}");
                let help = "say which with --index I".to_owned();
                return Err(Problems::one(message, Some(help)));
            }
            Some(_) => {}
            None => found = Some((name, index)),
        }
    }
    let names: Vec<&str> = ENVIRONMENT.iter().map(|(name, ..)| *name).collect();
    found.map(|(_, index)| index).ok_or_else(|| {
        let help = format!("give --index I, or one of {}", names.join(", "));
        Problems::one("no --index, and no job index in the environment", Some(help))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<u64, String> {
        let get = |name: &str| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        index_of(get).map_err(|problems| problems.to_string())
    }

    #[test]
    fn every_scheduler_counts_its_own_way_to_the_same_shard() {
        assert_eq!(read(&[("JOB_COMPLETION_INDEX", "3")]), Ok(3));
        assert_eq!(read(&[("SLURM_ARRAY_TASK_ID", "0")]), Ok(0));
        assert_eq!(read(&[("CI_NODE_INDEX", "1")]), Ok(0));
        assert_eq!(read(&[("CI_NODE_INDEX", "3"), ("CIRCLE_NODE_INDEX", "2")]), Ok(2));
    }

    #[test]
    fn what_is_no_index_is_named() {
        for (set, said) in [
            (&[][..], "no --index, and no job index in the environment"),
            (&[("SLURM_ARRAY_TASK_ID", "x")], "SLURM_ARRAY_TASK_ID is 'x'"),
            (&[("CI_NODE_INDEX", "0")], "CI_NODE_INDEX is '0'"),
            (
                &[("JOB_COMPLETION_INDEX", "1"), ("CI_NODE_INDEX", "1")],
                "JOB_COMPLETION_INDEX means shard 1 and CI_NODE_INDEX shard 0",
            ),
        ] {
            assert_eq!(read(set), Err(said.to_owned()));
        }
    }
}
