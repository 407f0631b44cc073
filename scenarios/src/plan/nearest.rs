//! The nearest name: what somebody who mistyped probably meant.

/// The candidate nearest to `name`, if any is near enough to be worth asking.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let limit = (wanted.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits from one to the other; a name that was only cut short or hyphenated is one edit away.
fn distance(wanted: &str, candidate: &str) -> usize {
    let plain = |text: &str| text.replace(['-', ' ', '_'], "");
    let cut_short = wanted.len() >= 3 && candidate.starts_with(wanted);
    if cut_short || plain(wanted) == plain(candidate) {
        return usize::from(wanted != candidate);
    }
    strsim::damerau_levenshtein(wanted, candidate)
}

/// The help line of an unknown name: the nearest, then all that are allowed.
pub(crate) fn suggestion<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    let mut all: Vec<&str> = Vec::new();
    for candidate in candidates.clone() {
        if !all.contains(&candidate) {
            all.push(candidate);
        }
    }
    let allowed = match all.as_slice() {
        [] => "there is none".to_owned(),
        all => format!("allowed: {}", all.join(", ")),
    };
    match nearest(name, candidates) {
        Some(near) => format!("did you mean '{near}'? {allowed}"),
        None => allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let names = ["receive_port", "send_port", "host", "poll"];
        for (typed, meant) in [
            ("pol", Some("poll")),
            ("Host", Some("host")),
            ("sendport", Some("send_port")),
            ("recieve_port", Some("receive_port")),
            ("rec", Some("receive_port")),
            ("queue", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed}");
        }
    }
}
