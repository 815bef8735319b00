//! The pool that one writes by hand on crossbeam-channel: boxed closures in an unbounded channel.

use std::thread::{self, JoinHandle};

use crossbeam_channel::{Sender, unbounded};

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads behind one unbounded channel.
pub struct HandPool {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl HandPool {
    /// Starts the threads.
    pub fn new(workers: usize) -> Self {
        let (jobs, queue) = unbounded::<Job>();
        let worker = |_| {
            let queue = queue.clone();
            thread::spawn(move || queue.iter().for_each(|job| job()))
        };
        Self {
            jobs: Some(jobs),
            threads: (0..workers).map(worker).collect(),
        }
    }

    /// Queues a job.
    pub fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        if let Some(jobs) = &self.jobs {
            jobs.send(Box::new(job))
                .expect("the threads outlive the sender");
        }
    }
}

impl Drop for HandPool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The same for regions: one channel a thread, so that a job can be sent to each of them.
pub struct HandTeam {
    mailboxes: Vec<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl HandTeam {
    /// Starts the threads.
    pub fn new(workers: usize) -> Self {
        let worker = |_| {
            let (mailbox, jobs) = unbounded::<Job>();
            (
                mailbox,
                thread::spawn(move || jobs.iter().for_each(|job| job())),
            )
        };
        let (mailboxes, threads) = (0..workers).map(worker).unzip();
        Self { mailboxes, threads }
    }

    /// Runs `job` once on every thread and waits.
    pub fn broadcast(&self, job: impl Fn() + Clone + Send + 'static) {
        let (done, all_done) = crossbeam_channel::bounded(self.mailboxes.len());
        for mailbox in &self.mailboxes {
            let (job, done) = (job.clone(), done.clone());
            let job = Box::new(move || {
                job();
                done.send(()).expect("the caller waits");
            });
            mailbox.send(job).expect("the threads outlive the sender");
        }
        for _ in &self.mailboxes {
            all_done.recv().expect("each thread answers");
        }
    }
}

impl Drop for HandTeam {
    fn drop(&mut self) {
        self.mailboxes.clear();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
