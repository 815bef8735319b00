//! Real input: every file below a directory, checksummed and counted; then its vocabulary.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::ProgressIterator;
use ringpool::Pool;

use crate::Outcome;
use crate::show::{self, Show};

/// What one file comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) bytes: u64,
    pub(crate) words: u64,
    pub(crate) crc: u32,
}

/// The files that were found.
pub(crate) struct Scan {
    pub(crate) paths: Vec<PathBuf>,
}

/// Reads a file once, in pieces, so that a large one needs no large memory.
pub(crate) fn digest(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut piece = [0; 1 << 14];
    let mut crc = crc32fast::Hasher::new();
    let mut digest = Digest::default();
    let mut in_word = false;
    loop {
        let length = match file.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let piece = &piece[..length];
        crc.update(piece);
        for byte in piece {
            let was_in_word = in_word;
            in_word = !byte.is_ascii_whitespace();
            digest.words += u64::from(in_word && !was_in_word);
        }
        digest.bytes += length as u64;
    }
    digest.crc = crc.finalize();
    Ok(digest)
}

/// All plain files below `dir` in a fixed order, and the directories that could not be read.
fn walk(dir: &Path) -> (Vec<PathBuf>, Vec<(PathBuf, io::Error)>) {
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    let mut pending = vec![dir.to_owned()];
    while let Some(dir) = pending.pop() {
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) => {
                unreadable.push((dir, error));
                continue;
            }
        };
        for entry in entries {
            match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
                Ok((path, kind)) if kind.is_dir() => {
                    let skipped = path
                        .file_name()
                        .is_some_and(|name| name == "target" || name == ".git");
                    if !skipped {
                        pending.push(path);
                    }
                }
                Ok((path, kind)) if kind.is_file() => files.push(path),
                // A link could lead in circles; a pipe or a device could wait for ever.
                Ok(_) => {}
                Err(error) => unreadable.push((dir.clone(), error)),
            }
        }
    }
    files.sort();
    (files, unreadable)
}

/// Checksums and counts every file with `imap_unordered` behind a progress bar.
pub(crate) fn scan(show: &mut Show, pool: &Pool, dir: &Path) -> Outcome<Scan> {
    const REPORTED: usize = 5;

    show.section("Every file of a directory")?;
    let (paths, mut unreadable) = walk(dir);
    let directories = unreadable.len();
    let mut digests = vec![None; paths.len()];
    let mut seen = 0;
    let mut out_of_order = 0;

    let begin = Instant::now();
    // The input stays on this thread and may borrow; only the items travel, so they are owned.
    let input = paths.iter().cloned().enumerate();
    let results = pool.with().name("files").window(64).imap_unordered(
        input,
        |(index, path): (usize, PathBuf)| {
            let result = digest(&path);
            (index, path, result)
        },
    );
    assert_eq!(results.size_hint(), (paths.len(), Some(paths.len())));
    for result in results.progress_with(show.bar(paths.len())) {
        let (index, path, result) = result?;
        out_of_order += usize::from(index != seen);
        seen += 1;
        match result {
            Ok(digest) => assert_eq!(digests[index].replace(digest), None),
            Err(error) => unreadable.push((path, error)),
        }
    }
    let took = begin.elapsed();
    assert_eq!(seen, paths.len());
    let unread_files = unreadable.len() - directories;
    assert_eq!(digests.iter().flatten().count() + unread_files, paths.len());

    show.call(
        "with().window(64).imap_unordered(…, digest)",
        show::count(seen, "file"),
    )?;
    let total: u64 = digests.iter().flatten().map(|digest| digest.bytes).sum();
    let words: u64 = digests.iter().flatten().map(|digest| digest.words).sum();
    let mut all = crc32fast::Hasher::new();
    for digest in digests.iter().flatten() {
        all.update(&digest.crc.to_le_bytes());
    }
    show.plain(format_args!(
        "{}, {}, checksum {:08x}, in {}",
        show::count(usize::try_from(total)?, "byte"),
        show::count(usize::try_from(words)?, "word"),
        all.finalize(),
        show::time(took),
    ))?;
    show.note(format_args!(
        "{out_of_order} of them came out of order: each as soon as it was done"
    ))?;

    for (path, error) in unreadable.iter().take(REPORTED) {
        show.warning(format_args!("cannot read {}: {error}", path.display()))?;
    }
    if !unreadable.is_empty() {
        let (files, directories) = (
            show::count(unread_files, "file"),
            show::thousands(directories),
        );
        show.warning(format_args!(
            "left out because they cannot be read: {files}, directories: {directories}"
        ))?;
    }

    let mut largest: Vec<_> = paths
        .iter()
        .zip(&digests)
        .filter_map(|(path, digest)| Some((path, (*digest)?)))
        .collect();
    largest.sort_by_key(|(_, digest)| std::cmp::Reverse(digest.bytes));
    let rows: Vec<_> = largest
        .iter()
        .take(4)
        .map(|(path, digest)| row(dir, path, digest))
        .collect();
    if !rows.is_empty() {
        show.table(["largest", "bytes", "words", "crc32"], &rows)?;
    }
    Ok(Scan { paths })
}

fn row(dir: &Path, path: &Path, digest: &Digest) -> [String; 4] {
    let name = path.strip_prefix(dir).unwrap_or(path).display().to_string();
    let shown: Vec<char> = name.chars().collect();
    // Long names keep their end, which tells more.
    let name = if shown.len() > 44 {
        format!("…{}", String::from_iter(&shown[shown.len() - 43..]))
    } else {
        name
    };
    [
        name,
        thousands(digest.bytes),
        thousands(digest.words),
        format!("{:08x}", digest.crc),
    ]
}

fn thousands(n: u64) -> String {
    usize::try_from(n).map_or_else(|_| n.to_string(), show::thousands)
}

/// What one worker has counted so far: its typed state.
#[derive(Default)]
struct Vocabulary {
    texts: usize,
    words: HashMap<String, usize>,
}

impl Vocabulary {
    fn add(&mut self, text: &str) {
        self.texts += 1;
        for word in text
            .split(|c: char| !c.is_alphabetic())
            .filter(|word| word.len() > 3)
        {
            *self.words.entry(word.to_lowercase()).or_default() += 1;
        }
    }
}

/// The most frequent words of the text files: each worker keeps a vocabulary of its own.
pub(crate) fn vocabulary(show: &mut Show, scan: &Scan) -> Outcome {
    show.section("Workers that remember: typed state")?;
    let pool = Pool::builder()
        .name("reader")
        .initializer(|_| Vocabulary::default())
        .build()?;
    let texts = texts(&scan.paths);

    pool.with_worker()
        .for_each(&texts, |worker, text| worker.state.add(text))?;
    let parts = pool.broadcast(|worker| std::mem::take(worker.state))?;
    assert_eq!(parts.len(), pool.worker_count());
    let shares: Vec<usize> = parts.iter().map(|part| part.texts).collect();
    let mut words: HashMap<String, usize> = HashMap::new();
    for (word, n) in parts.into_iter().flat_map(|part| part.words) {
        *words.entry(word).or_default() += n;
    }

    // The same in one piece: nothing was lost between the workers.
    let mut expected = Vocabulary::default();
    for text in &texts {
        expected.add(text);
    }
    assert_eq!(words, expected.words);

    show.call(
        "builder().initializer(|_| Words::new())",
        show::count(pool.worker_count(), "worker"),
    )?;
    show.call(
        "with_worker().for_each(&texts, |w, text| …)",
        format_args!("{shares:?} texts a worker"),
    )?;
    let different = show::count(words.len(), "different word");
    show.call(
        "broadcast(|w| mem::take(w.state))",
        format_args!("{different}, as counted in one piece"),
    )?;
    let mut frequent: Vec<_> = words.into_iter().collect();
    frequent.sort_by(|(left, n), (right, m)| m.cmp(n).then_with(|| left.cmp(right)));
    let top: Vec<String> = frequent
        .iter()
        .take(5)
        .map(|(word, n)| format!("{word} {}", show::thousands(*n)))
        .collect();
    if !top.is_empty() {
        show.note(top.join(" · "))?;
    }
    Ok(())
}

/// The text files that can be read as such, up to a size that fits into any memory.
fn texts(paths: &[PathBuf]) -> Vec<String> {
    const EACH: u64 = 1 << 20;
    const ALL: usize = 32 << 20;

    let is_text = |path: &&PathBuf| {
        let end = path.extension().and_then(OsStr::to_str);
        end.is_some_and(|end| ["md", "rs", "txt"].contains(&end))
            && path.metadata().is_ok_and(|file| file.len() <= EACH)
    };
    let mut room = ALL;
    let mut texts = Vec::new();
    for text in paths
        .iter()
        .filter(is_text)
        .filter_map(|path| fs::read_to_string(path).ok())
    {
        let Some(rest) = room.checked_sub(text.len()) else {
            break;
        };
        room = rest;
        texts.push(text);
    }
    texts
}
