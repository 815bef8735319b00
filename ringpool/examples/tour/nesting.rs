//! Jobs that wait for jobs of their own pool, and jobs that borrow.

use ringpool::{JobError, Pool};

use crate::Outcome;
use crate::show::Show;

pub(crate) fn nesting(show: &mut Show, pool: &Pool) -> Outcome {
    show.section("Nesting and borrowing")?;

    let alone = Pool::builder().workers(1).build()?;
    let product = |row: usize| alone.map(1..10_usize, |column| row * column);
    let table = alone.apply(|| alone.map(1..10_usize, product))??;
    let table: Vec<Vec<usize>> = table.into_iter().collect::<Result<_, JobError>>()?;
    assert!(table.iter().enumerate().all(|(row, line)| {
        line.iter()
            .enumerate()
            .all(|(column, n)| *n == (row + 1) * (column + 1))
    }));
    show.call(
        "1 worker: apply(map(map(…)))",
        "the times table, three deep, no deadlock",
    )?;

    let deep = depth(&alone, 50)?;
    assert_eq!(deep, 50);
    show.call(
        "1 worker: apply(apply(apply(…)))",
        format_args!("{deep} deep"),
    )?;

    let text = String::from("scopes may borrow what lies on this stack");
    let (mut first, mut last) = (String::new(), String::new());
    let letters = pool.scope(|scope| {
        let letters = scope.apply_async(|| text.chars().filter(|c| c.is_alphabetic()).count());
        scope.apply_async(|| first = text.split(' ').next().unwrap_or_default().to_uppercase());
        scope.apply_async(|| {
            last = text
                .split(' ')
                .next_back()
                .unwrap_or_default()
                .to_uppercase();
        });
        let lengths = scope.map_async(text.split(' ').collect::<Vec<_>>(), str::len);
        Ok::<_, JobError>((letters.get()?, lengths.get()?))
    })?;
    let (letters, lengths) = letters?;
    assert_eq!((letters, &*first, &*last), (34, "SCOPES", "STACK"));
    assert_eq!(lengths.len(), text.split(' ').count());
    show.call(
        "scope(|s| { s.apply_async(|| first = …); … })",
        format_args!("{letters} letters, {first} … {last}"),
    )?;

    let words = pool.scope(|scope| {
        let shouted = scope.imap(text.split(' '), str::to_uppercase);
        shouted.collect::<Result<Vec<_>, _>>()
    })??;
    assert_eq!(words.join(" "), text.to_uppercase());
    show.call(
        "scope(|s| s.imap(text.split(' '), …))",
        format_args!("{} borrowed words", words.len()),
    )?;

    let refused = pool.apply(|| pool.broadcast(|worker| worker.index()))?;
    assert!(matches!(refused, Err(JobError::FromWorker)));
    show.call("apply(|| pool.broadcast(…))", JobError::FromWorker)?;
    Ok(())
}

fn depth(pool: &Pool, levels: u32) -> Result<u32, JobError> {
    if levels == 0 {
        return Ok(0);
    }
    pool.apply(|| depth(pool, levels - 1))?
        .map(|below| below + 1)
}
