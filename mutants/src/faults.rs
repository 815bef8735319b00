//! Faults in the protocols: a step left out, two steps exchanged, a bound that is off by one.
//!
//! `FAULTS.md` holds them. A heading of the third level is a fault's name (file, function, what is wrong), and the
//! `diff` below it says which text goes and what stands there instead; lines without a sign tell apart places
//! that look alike. White space and comments do not count. All faults are planted at once into a copy of the core, each behind a call that
//! tells whether it is the mutant of this process, so that one build serves all (mutant schemata: Untch, Offutt and
//! Harrold 1993).

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// A fault and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) file: String,
    pub(crate) function: String,
    /// What is wrong.
    pub(crate) change: String,
    before: String,
    gone: String,
    after: String,
    instead: String,
}

/// A file with its faults.
#[derive(Debug)]
pub(crate) struct Planted<'a> {
    pub(crate) text: String,
    /// Each fault, with the line and column of the call that it stands behind.
    pub(crate) faults: Vec<(&'a Fault, usize, usize)>,
}

/// The call, as it is planted.
const CALL: &str = "crate::sync::call_happens()";

/// Reads the faults.
///
/// # Errors
///
/// A file that cannot be read, or an entry that is not understood.
pub(crate) fn read(path: &Path) -> Result<Vec<Fault>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    text.split("\n### ").skip(1).map(parse).collect()
}

fn parse(entry: &str) -> Result<Fault, String> {
    let (name, rest) = entry.split_once('\n').unwrap_or((entry, ""));
    let failed = |what: &str| format!("{what}: {name}");
    let parts: Vec<&str> = name.trim().splitn(3, ", ").collect();
    let [file, function, change] = *parts else {
        return Err(failed("a fault's name is file, function, what is wrong"));
    };
    let diff = rest
        .split_once("```diff\n")
        .and_then(|(_, rest)| rest.split_once("```"))
        .ok_or_else(|| failed("a fault without a diff"))?
        .0;
    let [mut before, mut gone, mut after, mut instead] = [const { String::new() }; 4];
    for line in diff.lines() {
        let (part, line) = match line.split_at_checked(1) {
            Some(("-", line)) => (&mut gone, line),
            Some(("+", line)) => (&mut instead, line),
            _ if gone.is_empty() => (&mut before, line),
            _ => (&mut after, line),
        };
        *part += line.trim();
        *part += " ";
    }
    if code(&gone).is_empty() {
        return Err(failed("a fault that takes nothing away"));
    }
    Ok(Fault {
        file: file.to_owned(),
        function: function.to_owned(),
        change: change.to_owned(),
        before,
        gone,
        after,
        instead,
    })
}

/// The characters of a text that are neither white space nor in a comment, and where they stand.
fn code(text: &str) -> Vec<(usize, char)> {
    let mut all = Vec::new();
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split("//").next().unwrap_or_default();
        let characters = code.char_indices().filter(|(_, c)| !c.is_whitespace());
        all.extend(characters.map(|(at, c)| (line_start + at, c)));
        line_start += line.len();
    }
    all
}

impl Fault {
    /// What this fault takes away from a file's text.
    fn range(&self, text: &[(usize, char)]) -> Result<Range<usize>, String> {
        let characters = |part: &str| Vec::from_iter(code(part).into_iter().map(|(_, c)| c));
        let [before, gone, after] = [&self.before, &self.gone, &self.after].map(|s| characters(s));
        let whole = [&before[..], &gone, &after].concat();
        let mut found = text
            .windows(whole.len())
            .filter(|window| window.iter().map(|(_, c)| c).eq(&whole));
        let Self { file, change, .. } = self;
        let (Some(window), None) = (found.next(), found.next()) else {
            return Err(format!("{file}: not the text of one place: {change}"));
        };
        let window = &window[before.len()..][..gone.len()];
        let (last, character) = window[window.len() - 1];
        Ok(window[0].0..last + character.len_utf8())
    }

    /// Whether what goes is made of whole statements, rather than an expression.
    fn is_statement(&self) -> bool {
        self.gone.trim_end().ends_with([';', '}'])
    }
}

/// Plants the faults of a file. No line moves, so that what is found in the copy is found in the original.
///
/// # Errors
///
/// A fault that fits nowhere, or in several places, or only partly over another one's.
pub(crate) fn plant<'a>(
    file: &str,
    text: &str,
    faults: &'a [Fault],
) -> Result<Planted<'a>, String> {
    let characters = code(text);
    let mut places: BTreeMap<(usize, usize), Vec<&Fault>> = BTreeMap::new();
    for fault in faults.iter().filter(|fault| fault.file == file) {
        let range = fault.range(&characters)?;
        places
            .entry((range.start, range.end))
            .or_default()
            .push(fault);
    }
    let mut planted = Planted {
        text: String::new(),
        faults: Vec::new(),
    };
    let mut at = 0;
    for ((start, end), faults) in places {
        if start < at {
            let Fault { change, .. } = faults[0];
            return Err(format!("{file}: overlaps with another fault: {change}"));
        }
        planted.text += &text[at..start];
        let statement = faults[0].is_statement();
        if !statement {
            planted.text.push('(');
        }
        for fault in faults {
            planted.text += "if !";
            let line_start = planted.text.rfind('\n').map_or(0, |end| end + 1);
            let line = planted.text.matches('\n').count() + 1;
            let column = planted.text[line_start..].chars().count() + 1;
            planted.faults.push((fault, line, column));
            for part in [CALL, " { ", &fault.instead, " } else "] {
                planted.text += part;
            }
        }
        for part in ["{ ", &text[start..end], " }"] {
            planted.text += part;
        }
        if !statement {
            planted.text.push(')');
        }
        at = end;
    }
    planted.text += &text[at..];
    Ok(planted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(change: &str, diff: &str) -> Fault {
        parse(&format!(
            "f.rs, f, {change}\n\nWhy.\n\n```diff\n{diff}```\n"
        ))
        .unwrap()
    }

    const TEXT: &str = "fn f() {\n    a(1); // Why.\n    b(\n        2,\n    );\n    a(1)\n}\n";

    #[test]
    fn a_fault_stands_behind_a_call_and_moves_no_line() {
        let faults = [fault("exchanged", "-a(1);\n-b(2,);\n+b(2);\n+a(1);\n")];
        let planted = plant("f.rs", TEXT, &faults).unwrap();
        let lines: Vec<&str> = planted.text.lines().collect();
        assert_eq!(lines.len(), TEXT.lines().count());
        let (_, line, column) = planted.faults[0];
        assert!(lines[line - 1][column - 1..].starts_with(CALL));
        assert!(lines[1].ends_with("{ b(2); a(1);  } else { a(1); // Why."));
        assert!(lines[4].ends_with("); }"));
    }

    #[test]
    fn an_expression_stays_one_and_lines_without_a_sign_choose_the_place() {
        let faults = [fault("none", " b(2,);\n-a(1)\n+c\n }\n")];
        let planted = plant("f.rs", TEXT, &faults).unwrap();
        let last = "    (if !crate::sync::call_happens() { c  } else { a(1) })";
        assert_eq!(planted.text.lines().nth(5), Some(last));
    }

    #[test]
    fn two_faults_may_share_a_place() {
        let faults = [fault("x", "-b(2,);\n"), fault("y", "-b(2,);\n+c();\n")];
        let planted = plant("f.rs", TEXT, &faults).unwrap();
        assert_eq!(planted.faults.len(), 2);
        assert_eq!(planted.text.matches(CALL).count(), 2);
    }

    #[test]
    fn a_fault_that_fits_no_place_or_two_is_an_error() {
        for diff in ["-c();\n", "-a(1)\n"] {
            assert!(plant("f.rs", TEXT, &[fault("x", diff)]).is_err());
        }
        let overlap = [fault("x", "-a(1);\n-b(2,);\n"), fault("y", "-b(2,);\n")];
        assert!(plant("f.rs", TEXT, &overlap).is_err());
    }

    #[test]
    fn an_entry_that_changes_nothing_is_an_error() {
        assert!(parse("f.rs, f, x\n\nNo diff.\n").is_err());
        assert!(parse("f.rs, f, x\n\n```diff\n+a();\n```\n").is_err());
    }
}
