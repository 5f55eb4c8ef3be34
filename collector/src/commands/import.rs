//! `ingest`: reports from files, each durable before it is called stored.
//!
//! Keeps: a batch at a time. Drops: a file whose end is within a report; what came before it was taken in.

use super::{Done, EXIT_PERSON};
use auscult_collector::ingest::{Answer, Door, Item, Later};
use auscult_collector::ledger::Ledger;
use auscult_collector::run::now;
use auscult_collector::store::Store;
use auscult_report::batch::MAX_BATCH_OCTETS;
use auscult_report::header::{MAGIC, MAX_REPORT};
use auscult_report::receipt::{MAX_BATCH, Outcome};
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::process::ExitCode;

/// Reports from files.
pub(super) struct Import<'a> {
    pub(super) store: &'a Store,
    pub(super) ledger: Option<Ledger>,
    pub(super) each: bool,
}

impl Import<'_> {
    pub(super) fn take_in(&self, door: &Door, files: &[std::path::PathBuf], out: &mut impl Write) -> Done {
        let mut count = Count::default();
        for file in files {
            let opened = File::open(file).map_err(|e| format!("{}: {e}", file.display()))?;
            let mut reports = Frames { input: BufReader::new(opened), first: true };
            loop {
                let batch = reports.batch().map_err(|e| format!("{}: {e}", file.display()))?;
                if batch.is_empty() {
                    break;
                }
                self.batch(door, &batch, &mut count, out)?;
            }
        }
        let Count { stored, other } = count;
        writeln!(out, "{stored} stored, {other} not")?;
        Ok(if other == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_PERSON) })
    }

    fn batch(
        &self,
        door: &Door,
        batch: &[Vec<u8>],
        count: &mut Count,
        out: &mut impl Write,
    ) -> Result<(), Box<dyn Error>> {
        let slices: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        let items = door.take(&slices, None, now()?).wait();
        for item in &items {
            if item.answer == Answer::Later(Later::Busy) {
                let why = door.take_fault().map_or_else(|| "no room".to_owned(), |e| e.to_string());
                return Err(format!("{why}; nothing behind this point was taken in: run it again").into());
            }
            count.add(item);
            let is_stored = item.answer == Answer::Done(Outcome::Stored);
            if self.each || !is_stored {
                let hash: String = item.report.iter().map(|o| format!("{o:02x}")).collect();
                writeln!(out, "{} {hash}", item.answer.word())?;
            }
        }
        if let Some(ledger) = &self.ledger {
            for clinic in self.store.each_clinic()? {
                if let Some(head) = ledger.round(&clinic, now()?)? {
                    let root: String = head.root.iter().map(|o| format!("{o:02x}")).collect();
                    writeln!(out, "checkpoint {} {root}", head.size)?;
                }
            }
        }
        out.flush()?;
        Ok(())
    }
}

#[derive(Default)]
struct Count {
    stored: u64,
    other: u64,
}

impl Count {
    fn add(&mut self, item: &Item) {
        let is_stored = item.answer == Answer::Done(Outcome::Stored);
        let counter = if is_stored { &mut self.stored } else { &mut self.other };
        *counter = counter.saturating_add(1);
    }
}

/// The reports of a file: one as it is, or many, each behind its length.
struct Frames<R> {
    input: R,
    first: bool,
}

impl<R: Read> Frames<R> {
    /// As many as a batch takes; none at the end.
    fn batch(&mut self) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
        let mut batch: Vec<Vec<u8>> = Vec::new();
        let mut octets: usize = 0;
        while batch.len() < MAX_BATCH && octets < MAX_BATCH_OCTETS {
            let Some(report) = self.next()? else { break };
            octets = octets.saturating_add(report.len());
            batch.push(report);
        }
        Ok(batch)
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
        let mut begin = Vec::new();
        self.input.by_ref().take(4).read_to_end(&mut begin)?;
        if begin.is_empty() {
            return Ok(None);
        }
        let is_first = core::mem::take(&mut self.first);
        if is_first && begin == MAGIC {
            let most = u64::try_from(MAX_REPORT).unwrap_or(u64::MAX);
            self.input.by_ref().take(most).read_to_end(&mut begin)?;
            return Ok(Some(begin));
        }
        let length: [u8; 4] = begin.try_into().map_err(|_| "ends within a length")?;
        let length = usize::try_from(u32::from_be_bytes(length))?;
        if length > MAX_REPORT {
            return Err(format!("a report of {length} octets is announced; {MAX_REPORT} is the most").into());
        }
        let mut report = vec![0; length];
        self.input.read_exact(&mut report).map_err(|_| "ends within a report")?;
        Ok(Some(report))
    }
}
