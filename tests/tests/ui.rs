//! What the compiler says to those who make a mistake that types can catch: each program in `ui/` does not compile,
//! and the text beside it is what a person reads. `TRYBUILD=overwrite` writes the texts anew, for a new compiler. Those in
//! `ui/runs/` are as near to a mistake as can be, and run.

#[test]
fn mistakes_are_told_in_words_that_help() {
    let programs = trybuild::TestCases::new();
    // One that runs has all of them built rather than checked: what is too large is found where code is made for it.
    programs.pass("ui/runs/*.rs");
    programs.compile_fail("ui/*.rs");
}
