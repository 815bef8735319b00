//! Finds the orderings in the source text, and the calls of `unpark`, and the mutants they give; plants the faults.
//!
//! Works on tokens rather than on a syntax tree, so that code inside macros is seen as well. Tests, models
//! and `sync/`, where orderings are only passed on, are left out.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};

use crate::faults::{self, Fault};

/// A memory ordering, weakest first as far as they can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Relaxed,
    Acquire,
    Release,
    AcqRel,
    SeqCst,
    /// None: a call that could be forgotten.
    Call,
}

impl Order {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "Relaxed" => Self::Relaxed,
            "Acquire" => Self::Acquire,
            "Release" => Self::Release,
            "AcqRel" => Self::AcqRel,
            "SeqCst" => Self::SeqCst,
            _ => return None,
        })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call => f.write_str("call"),
            order => fmt::Debug::fmt(order, f),
        }
    }
}

/// Which ordering of an operation is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Success,
    Failure,
    Fence,
    Call,
}

/// An ordering in the source text.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// The function around it.
    pub(crate) function: String,
    /// The operation's name.
    pub(crate) operation: String,
    /// Which of its name in functions of that name in this file, from 1 on: so a mutant keeps its name
    /// when lines move.
    pub(crate) number: usize,
    pub(crate) role: Role,
    pub(crate) order: Order,
}

impl Site {
    /// The place as `core::panic::Location` prints it.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }

    /// What may stand here instead; `None` stands for nothing at all.
    fn weaker(&self) -> Vec<Option<Order>> {
        use Order::{AcqRel, Acquire, Relaxed, Release, SeqCst};
        let operation = self.operation.as_str();
        let reads_only = operation == "load" || self.role == Role::Failure;
        match (self.role, self.order) {
            (Role::Fence, SeqCst) => vec![Some(AcqRel), None],
            (Role::Fence, _) | (_, Order::Call) => vec![None],
            (_, SeqCst) if reads_only => vec![Some(Acquire)],
            (_, SeqCst) if operation == "store" => vec![Some(Release)],
            (_, SeqCst) => vec![Some(AcqRel)],
            (_, AcqRel) => vec![Some(Acquire), Some(Release)],
            (_, Acquire | Release) => vec![Some(Relaxed)],
            (_, Relaxed) => Vec::new(),
        }
    }
}

/// One site with a weaker ordering, or without its fence, or with a fault.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    pub(crate) site: Site,
    pub(crate) weaker: Option<Order>,
    /// What is wrong with the protocol there.
    pub(crate) fault: Option<String>,
}

impl Mutant {
    /// How `RINGPOOL_MUTANT` describes it.
    pub(crate) fn variable(&self) -> String {
        let role = match self.site.role {
            Role::Success => "success",
            Role::Failure => "failure",
            Role::Fence => "fence",
            Role::Call => "call",
        };
        let weaker = self
            .weaker
            .map_or_else(|| "None".to_owned(), |order| order.to_string());
        format!("{}:{role}:{weaker}", self.site.place())
    }

    /// The operation, as the table names it.
    pub(crate) fn operation(&self) -> String {
        if self.fault.is_some() {
            return "protocol".to_owned();
        }
        let Site {
            operation,
            number,
            role,
            ..
        } = &self.site;
        let failed = if *role == Role::Failure {
            ", failed"
        } else {
            ""
        };
        format!("{operation} {number}{failed}")
    }

    /// What it changes, as the table says it.
    pub(crate) fn change(&self) -> String {
        if let Some(fault) = &self.fault {
            return fault.clone();
        }
        let weaker = self
            .weaker
            .map_or_else(|| "deleted".to_owned(), |order| order.to_string());
        format!("{} → {weaker}", self.site.order)
    }

    /// Its name, which stays the same when lines move.
    pub(crate) fn name(&self) -> String {
        let Site { file, function, .. } = &self.site;
        format!(
            "{file}, {function}, {}, {}",
            self.operation(),
            self.change()
        )
    }
}

/// Every mutant of the core below `root`, file by file, and the text of each file that has
/// faults, with all of them planted.
///
/// # Errors
///
/// A file that cannot be read, an ordering that belongs to no operation, or a fault that belongs nowhere.
pub(crate) fn mutants(
    root: &Path,
    faults: &[Fault],
) -> Result<(Vec<Mutant>, BTreeMap<String, String>), String> {
    let mut files = Vec::new();
    list(&root.join("core/src"), &mut files)?;
    files.sort();
    let mut all = Vec::new();
    let mut texts = BTreeMap::new();
    for file in files {
        let text =
            std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy();
        let planted = faults::plant(&name, &text, faults)?;
        for site in sites(&name, &planted.text)? {
            all.extend(site.weaker().into_iter().map(|weaker| Mutant {
                site: site.clone(),
                weaker,
                fault: None,
            }));
        }
        all.extend(planted.faults.iter().map(|&(fault, line, column)| Mutant {
            site: Site {
                file: name.clone().into_owned(),
                line,
                column,
                function: fault.function.clone(),
                operation: String::new(),
                number: 0,
                role: Role::Call,
                order: Order::Call,
            },
            weaker: None,
            fault: Some(fault.change.clone()),
        }));
        if !planted.faults.is_empty() {
            texts.insert(name.into_owned(), planted.text);
        }
    }
    match faults.iter().find(|fault| !texts.contains_key(&fault.file)) {
        Some(fault) => Err(format!(
            "a fault in a file that is not there: {}",
            fault.file
        )),
        None => Ok((all, texts)),
    }
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |e| format!("{}: {e}", directory.display());
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !matches!(&*name, "tests" | "models" | "sync") {
                list(&path, files)?;
            }
        } else if name.ends_with(".rs") && !matches!(&*name, "tests.rs" | "models.rs" | "model.rs")
        {
            files.push(path);
        }
    }
    Ok(())
}

/// The orderings in one file.
///
/// # Errors
///
/// Text that is not Rust, or an ordering that belongs to no operation: its mutants would be missing.
pub(crate) fn sites(file: &str, text: &str) -> Result<Vec<Site>, String> {
    let tokens: TokenStream = text.parse().map_err(|e| format!("{file}: {e}"))?;
    let mut search = Search {
        file,
        found: Vec::new(),
        counts: HashMap::new(),
        orderings: Vec::new(),
    };
    search.walk(tokens, "");
    if let Some(stray) = search.orderings.first() {
        let start = stray.start();
        return Err(format!(
            "{file}:{}:{}: an ordering that belongs to no operation",
            start.line,
            start.column + 1
        ));
    }
    Ok(search.found)
}

struct Search<'a> {
    file: &'a str,
    found: Vec<Site>,
    /// How many operations of one name there have been in functions of one name.
    counts: HashMap<(String, String), usize>,
    /// Orderings that no operation has claimed yet.
    orderings: Vec<Span>,
}

impl Search<'_> {
    fn walk(&mut self, tokens: TokenStream, function: &str) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut next_function: Option<String> = None;
        let mut skip = false;
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ';' => {
                    next_function = None;
                    skip = false;
                }
                TokenTree::Group(group) if is_attribute(&tokens, at) => {
                    skip |= is_for_tests(group);
                }
                TokenTree::Group(group) => {
                    let brace = group.delimiter() == Delimiter::Brace;
                    let name = if brace { next_function.take() } else { None };
                    if !skip {
                        self.walk(group.stream(), name.as_deref().unwrap_or(function));
                        if group.delimiter() == Delimiter::Parenthesis {
                            self.call(&tokens, at, group, function);
                        }
                    }
                    if brace {
                        skip = false;
                    }
                }
                TokenTree::Ident(ident) if *ident == "fn" => {
                    if let Some(TokenTree::Ident(name)) = tokens.get(at + 1) {
                        next_function = Some(name.to_string());
                    }
                }
                // What stands there instead if the call does not happen.
                TokenTree::Ident(ident) if *ident == "call_happens" => skip = true,
                TokenTree::Ident(_) if !skip && ordering_at(&tokens, at).is_some() => {
                    self.orderings.push(token.span());
                }
                _ => {}
            }
        }
    }

    /// Looks at a pair of parentheses: the arguments of an atomic operation or of a fence, perhaps.
    fn call(&mut self, tokens: &[TokenTree], at: usize, group: &Group, function: &str) {
        let Some(TokenTree::Ident(name)) = at.checked_sub(1).map(|before| &tokens[before]) else {
            return;
        };
        let name = name.to_string();
        let before = at.checked_sub(2).map(|before| &tokens[before]);
        let fence = match name.as_str() {
            "fence_seq_cst" => Some(Order::SeqCst),
            "fence_acquire" => Some(Order::Acquire),
            _ => None,
        };
        if let Some(order) = fence {
            // The call begins where its path does.
            let mut first = at - 1;
            while first >= 3 && is_punct(&tokens[first - 1], ':') {
                first -= 3;
            }
            self.found(
                tokens[first].span(),
                function,
                &name,
                &[(Role::Fence, order)],
            );
        } else if name == "unpark" && before.is_some_and(|token| is_punct(token, '.')) {
            let call = [(Role::Call, Order::Call)];
            self.found(tokens[at - 1].span(), function, &name, &call);
        } else if before.is_some_and(|token| is_punct(token, '.')) {
            let arguments: Vec<TokenTree> = group.stream().into_iter().collect();
            let orders: Vec<Order> = (0..arguments.len())
                .filter_map(|at| ordering_at(&arguments, at))
                .collect();
            let roles = [Role::Success, Role::Failure];
            let orders: Vec<_> = roles.into_iter().zip(orders).collect();
            if !orders.is_empty() {
                self.orderings.truncate(self.orderings.len() - orders.len());
                self.found(tokens[at - 1].span(), function, &name, &orders);
            }
        }
    }

    fn found(&mut self, span: Span, function: &str, operation: &str, orders: &[(Role, Order)]) {
        let key = (function.to_owned(), operation.to_owned());
        let number = self.counts.entry(key).or_default();
        *number += 1;
        let start = span.start();
        for &(role, order) in orders {
            self.found.push(Site {
                file: self.file.to_owned(),
                line: start.line,
                column: start.column + 1,
                function: function.to_owned(),
                operation: operation.to_owned(),
                number: *number,
                role,
                order,
            });
        }
    }
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

fn is_attribute(tokens: &[TokenTree], at: usize) -> bool {
    at.checked_sub(1)
        .is_some_and(|before| is_punct(&tokens[before], '#'))
}

/// Whether an attribute is a `cfg` that names `test` other than to exclude it.
fn is_for_tests(attribute: &Group) -> bool {
    fn names_test(tokens: TokenStream) -> bool {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        tokens.iter().enumerate().any(|(at, token)| match token {
            TokenTree::Ident(ident) => *ident == "test",
            TokenTree::Group(group) => {
                let negated = at.checked_sub(1).is_some_and(
                    |before| matches!(&tokens[before], TokenTree::Ident(ident) if *ident == "not"),
                );
                !negated && names_test(group.stream())
            }
            _ => false,
        })
    }
    let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(cfg), TokenTree::Group(what)] => {
            *cfg == "cfg" && names_test(what.stream())
        }
        _ => false,
    }
}

/// The ordering that `Ordering::X` at this place names.
fn ordering_at(tokens: &[TokenTree], at: usize) -> Option<Order> {
    match tokens.get(at..at + 4)? {
        [
            TokenTree::Ident(kind),
            first,
            second,
            TokenTree::Ident(name),
        ] if *kind == "Ordering" && is_punct(first, ':') && is_punct(second, ':') => {
            Order::parse(&name.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let mutants = sites("f.rs", text).unwrap().into_iter().flat_map(|site| {
            site.weaker().into_iter().map(move |weaker| Mutant {
                site: site.clone(),
                weaker,
                fault: None,
            })
        });
        mutants.map(|mutant| mutant.variable()).collect()
    }

    #[test]
    fn both_orderings_of_a_compare_exchange_have_their_mutants() {
        let text = "fn f(a: &A) {\n    a.0.compare_exchange(\n        1,\n        g(2),\n        \
                    Ordering::AcqRel,\n        Ordering::Acquire,\n    );\n}";
        assert_eq!(
            names(text),
            [
                "f.rs:2:9:success:Acquire",
                "f.rs:2:9:success:Release",
                "f.rs:2:9:failure:Relaxed"
            ]
        );
    }

    #[test]
    fn a_fence_begins_where_its_path_does_and_is_weakened_and_deleted() {
        let text = "fn f() {\n    crate::sync::fence_seq_cst();\n    fence_acquire(&w);\n}";
        assert_eq!(
            names(text),
            [
                "f.rs:2:5:fence:AcqRel",
                "f.rs:2:5:fence:None",
                "f.rs:3:5:fence:None"
            ]
        );
    }

    #[test]
    fn an_unpark_is_deleted() {
        assert_eq!(
            names("fn f() { seat.token.unpark(); }"),
            ["f.rs:1:21:call:None"]
        );
    }

    #[test]
    fn macros_are_searched_and_tests_are_not() {
        let text = "m! { fn f() { a.load(Ordering::Acquire); } }\n#[cfg(all(test, x))]\nmod t { fn f() { \
                    a.load(Ordering::Acquire); } }\nfn g() { a.load(Ordering::Relaxed); \
                    a.store(1, Ordering::Release); }";
        assert_eq!(
            names(text),
            ["f.rs:1:17:success:Relaxed", "f.rs:4:39:success:Relaxed"]
        );
    }

    #[test]
    fn what_a_fault_brings_has_no_mutants() {
        let text = "fn f() { if !c::call_happens() { a.load(Ordering::Acquire); } else { b.load(Ordering::Acquire); } }";
        assert_eq!(names(text), ["f.rs:1:72:success:Relaxed"]);
    }

    #[test]
    fn an_ordering_outside_of_an_operation_is_an_error() {
        assert!(sites("f.rs", "const X: Ordering = Ordering::Acquire;").is_err());
    }

    #[test]
    fn names_count_operations_within_functions_of_one_name() {
        let text = "fn f() { a.load(Ordering::Acquire); b.load(Ordering::Acquire); }";
        let sites = sites("f.rs", text).unwrap();
        assert_eq!([1, 2], [sites[0].number, sites[1].number]);
        assert_eq!("f", sites[0].function);
    }
}
