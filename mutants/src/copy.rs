//! A copy of the workspace in which some files have other texts; everything else in it is a link.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

/// Lays the copy, or brings it up to date. What has not changed stays untouched, so that cargo need not build it again.
///
/// # Errors
///
/// What could not be read or written.
pub(crate) fn lay(
    root: &Path,
    copy: &Path,
    texts: &BTreeMap<String, String>,
) -> Result<(), String> {
    let failed = |e| format!("a copy of the workspace at {}: {e}", copy.display());
    folder(root, copy, Path::new(""), texts).map_err(failed)
}

fn folder(
    root: &Path,
    copy: &Path,
    within: &Path,
    texts: &BTreeMap<String, String>,
) -> io::Result<()> {
    let to = copy.join(within);
    if fs::symlink_metadata(&to).is_ok_and(|metadata| metadata.is_symlink()) {
        // What was a link when nothing within had another text: what is written there would replace the originals.
        remove(&to)?;
    }
    fs::create_dir_all(&to)?;
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(root.join(within))? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), within.join(entry.file_name()));
        // What cargo builds is no part of the workspace.
        if path == Path::new("target") {
            continue;
        }
        if let Some(text) = path.to_str().and_then(|path| texts.get(path)) {
            write(&copy.join(&path), text)?;
        } else if texts.keys().any(|file| Path::new(file).starts_with(&path)) {
            folder(root, copy, &path, texts)?;
        } else {
            link(&entry.path(), &copy.join(&path))?;
        }
        names.insert(name);
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !names.contains(&entry.file_name()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Writes a file of its own: never through a link, which leads to the original.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let is_file = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    if is_file && fs::read_to_string(path)? == text {
        return Ok(());
    }
    remove(path)?;
    fs::write(path, text)
}

fn link(original: &Path, path: &Path) -> io::Result<()> {
    if fs::read_link(path).is_ok_and(|target| target == original) {
        return Ok(());
    }
    remove(path)?;
    std::os::unix::fs::symlink(original, path)
}

/// Removes what is there, if anything is. Of a link, the link.
fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_a_link_is_laid_without_touching_the_original() {
        let scratch = std::env::temp_dir().join(format!("mutants-copy-{}", std::process::id()));
        let (root, copy) = (scratch.join("root"), scratch.join("copy"));
        fs::create_dir_all(root.join("folder")).unwrap();
        for file in ["folder/one", "folder/other"] {
            fs::write(root.join(file), file).unwrap();
        }
        let changed = BTreeMap::from([("folder/one".to_owned(), "changed".to_owned())]);
        for texts in [&BTreeMap::new(), &changed, &BTreeMap::new(), &changed] {
            lay(&root, &copy, texts).unwrap();
            let expected = texts.get("folder/one").map_or("folder/one", String::as_str);
            let laid = fs::read_to_string(copy.join("folder/one")).unwrap();
            assert_eq!(laid, expected);
            for file in ["folder/one", "folder/other"] {
                let kept = fs::symlink_metadata(root.join(file)).unwrap();
                assert!(kept.is_file(), "{file} is no file any more");
                assert_eq!(fs::read_to_string(root.join(file)).unwrap(), file);
            }
        }
        fs::remove_dir_all(scratch).unwrap();
    }
}
