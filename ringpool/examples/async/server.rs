//! A server on one async thread that hands what needs a CPU to a pool.
//!
//! A request is a line with a number; the answer is how many primes are below it. The async thread answers other
//! connections meanwhile; when the pool's queue is full, it says so instead of waiting.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ringpool::Pool;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

/// How many requests may wait for a worker.
const QUEUE: usize = 8;

fn primes_below(n: u64) -> usize {
    (2..n)
        .filter(|&n| (2..n).take_while(|d| d * d <= n).all(|d| n % d != 0))
        .count()
}

/// What the server says to one line.
async fn answer(pool: &Pool, line: &str) -> String {
    let Ok(n) = line.trim().parse::<u64>() else {
        return format!("error: `{}` is not a number\n", line.trim());
    };
    // Never `apply_async` here: it waits for room, and would block the executor's thread.
    match pool.try_apply_async(move || primes_below(n)) {
        Ok(handle) => match handle.await {
            Ok(count) => format!("{count}\n"),
            Err(error) => format!("error: {error}\n"),
        },
        Err(refused) => format!("busy: {}\n", refused.reason()),
    }
}

async fn serve(pool: Arc<Pool>, stream: TcpStream) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        write
            .write_all(answer(&pool, &line).await.as_bytes())
            .await?;
    }
    Ok(())
}

async fn ask(address: std::net::SocketAddr, line: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("{line}\n").as_bytes()).await?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await?;
    Ok(answer.trim().to_owned())
}

pub(crate) fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let pool = Arc::new(Pool::builder().workers(2).capacity(QUEUE).build()?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let for_server = Arc::clone(&pool);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&for_server), stream));
            }
        });

        let answer = ask(address, "100000").await?;
        if answer != "9592" {
            return Err(format!("9592 primes are below 100000, not {answer}").into());
        }
        writeln!(out, "{:<38} {answer} primes below 100000", "server")?;
        writeln!(out, "{:<38} {}", "server, a bad request", ask(address, "ten").await?)?;

        // While two long jobs hold both workers, the async thread goes on with other tasks.
        let gate = Arc::new(std::sync::Barrier::new(3));
        let begun = Arc::new(AtomicUsize::new(0));
        let long: Vec<_> = (0..2)
            .map(|_| {
                let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
                pool.apply_async(move || {
                    begun.fetch_add(1, Ordering::Relaxed);
                    gate.wait();
                })
            })
            .collect::<Result<_, _>>()?;
        while begun.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        let clients = 3 * QUEUE;
        let (busy, together) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(clients + 1)));
        let mut asked = Vec::new();
        for _ in 0..clients {
            let (busy, together) = (Arc::clone(&busy), Arc::clone(&together));
            asked.push(tokio::spawn(async move {
                together.wait().await;
                let answer = ask(address, "1000").await?;
                if answer.starts_with("busy") {
                    busy.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, std::io::Error>(answer)
            }));
        }
        together.wait().await;
        // Those that are refused are answered while no worker is free: that is what is waited for here.
        while busy.load(Ordering::Relaxed) < clients - QUEUE {
            tokio::task::yield_now().await;
        }
        gate.wait();
        for handle in long {
            handle.await?;
        }
        let mut answered = 0;
        for client in asked {
            answered += usize::from(client.await?? == "168");
        }
        let busy = busy.load(Ordering::Relaxed);
        if (answered, busy) != (QUEUE, clients - QUEUE) {
            return Err(format!("{answered} answers and {busy} refusals for {clients} requests").into());
        }
        writeln!(
            out,
            "{:<38} {answered} of {clients} answered, {busy} refused at once while both workers were taken",
            "server, more than the queue holds"
        )?;

        server.abort();
        pool.close();
        // `join` blocks, so it goes to a thread that may.
        tokio::task::spawn_blocking(move || pool.join()).await??;
        writeln!(out, "{:<38} closed, joined", "server")?;
        Ok(())
    })
}
