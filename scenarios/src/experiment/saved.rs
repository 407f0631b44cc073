//! What an operator saved of suspended instances, as files of the run folder (R-MBX-13, R-ADD-03).
//!
//! One folder an instance, `saved/<number>-<whose>`, and in it two files a message: its properties
//! as text, and its body if that is real. A described body is a line among the properties.

use std::path::{Path, PathBuf};

use floodgate_engine::config::Topology;
use floodgate_engine::message::{Body, PropertyKind, Value};
use floodgate_engine::message_box::SavedMessage;
use floodgate_sim::outcome::SavedInstance;

use crate::plan::Problems;

/// The folder of them, in the run folder.
const FOLDER: &str = "saved";

/// A file of the run folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedFile {
    /// Where it is to be, in the run folder.
    pub path: PathBuf,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What was saved, as files.
#[must_use]
pub fn files(topology: &Topology, saved: &[SavedInstance]) -> Vec<SavedFile> {
    let mut files = Vec::new();
    for (number, instance) in (1..).zip(saved) {
        let folder = Path::new(FOLDER).join(format!("{number:04}-{}", plain(&instance.of)));
        for message in &instance.messages {
            let name = message.document.to_string();
            let bytes = properties(topology, instance, message).into_bytes();
            files.push(SavedFile { path: folder.join(format!("{name}.properties")), bytes });
            if let Some(Body::Real(body)) = message.parts.as_ref().map(|parts| parts.body()) {
                let path = folder.join(format!("{name}.body"));
                files.push(SavedFile { path, bytes: body.to_vec() });
            }
        }
    }
    files
}

/// Writes them in the place of those of an earlier run.
///
/// # Errors
/// Mistakes of the file system.
pub fn write(dir: &Path, files: &[SavedFile]) -> Result<(), Problems> {
    let wrong = |path: &Path, error: &std::io::Error| {
        Problems::one(format!("cannot write '{}': {error}", path.display()), None)
    };
    let folder = dir.join(FOLDER);
    if folder.is_dir() {
        std::fs::remove_dir_all(&folder).map_err(|error| wrong(&folder, &error))?;
    }
    for file in files {
        let path = dir.join(&file.path);
        let parent = path.parent().unwrap_or(dir);
        std::fs::create_dir_all(parent).map_err(|error| wrong(parent, &error))?;
        std::fs::write(&path, &file.bytes).map_err(|error| wrong(&path, &error))?;
    }
    Ok(())
}

/// When it was saved, what its body is, and every property with its value, a line each.
fn properties(topology: &Topology, instance: &SavedInstance, message: &SavedMessage) -> String {
    let mut lines = vec![format!("# saved at {}", instance.at)];
    lines.push(match message.parts.as_ref().map(|parts| parts.body()) {
        None => "# no body".to_owned(),
        Some(Body::Described { bytes, documents }) => {
            format!("# a described body of {bytes} bytes, {documents} document(s)")
        }
        Some(Body::Real(body)) => format!("# a body of {} bytes", body.len()),
    });
    for (id, value, kind) in message.context.iter() {
        let value = match value {
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Object => "(an object)".to_owned(),
            Value::Text(text) => format!("{text:?}"),
        };
        let promoted = if kind == PropertyKind::Promoted { " # promoted" } else { "" };
        lines.push(format!("{} = {value}{promoted}", topology.properties.name(id)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A name as a part of a path.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect()
}
