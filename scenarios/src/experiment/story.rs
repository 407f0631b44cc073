//! The story of a run as text: an instant and an event a line, and how many lines are missing.

use std::path::Path;

use floodgate_sim::trace::StoryLine;

use crate::plan::Problems;

/// Its file in the run folder.
const FILE: &str = "story.txt";

/// A story, and how many lines were left out.
pub(super) fn text((lines, left_out): &(Vec<StoryLine>, u64)) -> String {
    let mut text: Vec<String> = lines.iter().map(|(at, what)| format!("{at} {what}")).collect();
    if lines.is_empty() {
        text.push("Nothing happened that the story was asked for.".to_owned());
    }
    if *left_out > 0 {
        text.push(format!("… and {left_out} more lines: '--story LINES' shows more"));
    }
    text.join("\n")
}

/// Writes it in the place of that of an earlier run, or removes that.
///
/// # Errors
/// Mistakes of the file system.
pub(super) fn write(dir: &Path, story: Option<&(Vec<StoryLine>, u64)>) -> Result<(), Problems> {
    let path = dir.join(FILE);
    let wrong = |error: std::io::Error| {
        Problems::one(format!("cannot write '{}': {error}", path.display()), None)
    };
    let Some(story) = story else {
        return if path.exists() { std::fs::remove_file(&path).map_err(wrong) } else { Ok(()) };
    };
    std::fs::create_dir_all(dir).map_err(wrong)?;
    std::fs::write(&path, text(story) + "\n").map_err(wrong)
}
