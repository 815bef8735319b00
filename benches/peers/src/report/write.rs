//! Writes the report, its pictures, and what the README shows of it.

use std::fs;
use std::io;
use std::path::Path;

use crate::figures::Figures;
use crate::plot;
use crate::settings::file;
use crate::summary;

/// Between these lines of the README stands what the report puts there.
const BEGIN: &str = "<!-- benches/REPORT.md, the next lines are written by it -->\n";
const END: &str = "<!-- benches/REPORT.md, end -->\n";

const HOME: &str = "https://github.com/ringpool/ringpool";

/// Writes all files. The README keeps what it has unless every workload of the summary was measured.
pub(crate) fn all(head: &str, sections: &[Figures], end: &str) -> io::Result<()> {
    let plots = file("plots");
    fs::create_dir_all(&plots)?;
    let mut text = String::from(head);
    let lines = summary::lines(sections);
    if !lines.is_empty() {
        save(&plots.join("summary.svg"), &summary::picture(&lines))?;
        text += "\n![The best of the others, by the time of ringpool](plots/summary.svg)\n";
    }
    for figures in sections {
        text += &figures.to_string();
        if let Some(picture) = plot::bars(figures) {
            let name = format!("{}.svg", slug(&figures.id));
            save(&plots.join(&name), &picture)?;
            let what = &figures.what;
            text.extend(["\n![", what, "](plots/", &name, ")\n"]);
        }
    }
    text += end;
    save(&file("REPORT.md"), &text)?;
    if summary::is_complete(&lines) {
        let readme = file("../README.md");
        let shown = shown(&summary::table(&lines));
        let with = replaced(&fs::read_to_string(&readme)?, &shown).ok_or_else(|| {
            io::Error::other(format!("{}: its marks are missing", readme.display()))
        })?;
        save(&readme, &with)?;
    }
    Ok(())
}

fn save(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    eprintln!("written: {}", path.display());
    Ok(())
}

/// What stands between the marks.
fn shown(table: &str) -> String {
    format!(
        "![Time by that of ringpool]({HOME}/raw/main/benches/plots/summary.svg)\n\n{table}\n\
         Medians on one machine, which [REPORT.md]({HOME}/blob/main/benches/REPORT.md) names beside all tables, peers and limits.\n"
    )
}

/// The text with `shown` between the marks; `None` where they are not both in it.
fn replaced(text: &str, shown: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some([before, BEGIN, "\n", shown, "\n", END, after].concat())
}

/// A file name: `W1 hot` is `w1-hot`.
fn slug(id: &str) -> String {
    let plain = id.to_lowercase().replace('µ', "u");
    let parts = plain.split(|c: char| !c.is_ascii_alphanumeric());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_replaced_and_nothing_else() {
        let text = format!("before\n{BEGIN}old\n{END}after\n");
        let once = replaced(&text, "new\n").expect("both marks are there");
        assert_eq!(once, format!("before\n{BEGIN}\nnew\n\n{END}after\n"));
        assert_eq!(replaced(&once, "new\n").as_ref(), Some(&once));
        assert_eq!(replaced("no marks", "new\n"), None);
    }

    #[test]
    fn the_readme_has_its_marks() {
        let readme = fs::read_to_string(file("../README.md")).expect("it is there");
        assert!(replaced(&readme, "").is_some());
    }

    #[test]
    fn names_of_files_are_plain() {
        assert_eq!(slug("W6 50 µs"), "w6-50-us");
        assert_eq!(slug("W1 cold, busy"), "w1-cold-busy");
    }
}
