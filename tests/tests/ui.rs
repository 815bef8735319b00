//! What the compiler says to those who make a mistake that types can catch: each program in `ui/` does not compile,
//! and the text beside it is what a person reads. `TRYBUILD=overwrite` writes the texts anew, for a new compiler.

#[test]
fn mistakes_are_told_in_words_that_help() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
