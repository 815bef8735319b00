//! Files that are there whole or not at all.

use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

/// A file beside `path`, with the permissions of any new file. `persist` gives it that name once it is whole; until
/// then it goes away when it is dropped.
///
/// Only a regular file may be there already: a rename would put the file in the place of a device.
pub(crate) fn beside(path: &Path) -> io::Result<NamedTempFile> {
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other("is there, and is not a regular file"));
    }
    let mut file = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.permissions(std::fs::Permissions::from_mode(0o666));
    }
    file.tempfile_in(match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    })
}
