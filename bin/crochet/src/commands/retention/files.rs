//! The files of a month: one JSON object a line, compressed, and a manifest. What is not whole has another name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crochet_postgres::{ExportHashes, ExportSink, HistoryMonth, HistoryTable};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use indicatif::ProgressBar;
use serde_json::json;
use sha2::{Digest, Sha256};

/// Where the file of a table is.
pub(super) fn path(folder: &Path, table: HistoryTable, month: &str) -> PathBuf {
    folder.join(format!("{}_{month}.ndjson.gz", table.as_str()))
}

fn manifest(folder: &Path, month: &str) -> PathBuf {
    folder.join(format!("{month}.json"))
}

/// SHA-256 of a file as it is.
pub(super) fn sha256(path: &Path) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    loop {
        let bytes = file.fill_buf()?;
        let length = bytes.len();
        if length == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(bytes);
        file.consume(length);
    }
}

/// Writes a month's two files.
pub(super) struct Files<'a> {
    folder: &'a Path,
    month: &'a HistoryMonth,
    calls: Lines,
    attempts: Lines,
    bar: &'a ProgressBar,
}

impl<'a> Files<'a> {
    /// Begins anew, whatever an interrupted run left. A file that was finished is never written over.
    pub(super) fn begin(folder: &'a Path, month: &'a HistoryMonth, bar: &'a ProgressBar) -> io::Result<Self> {
        let lines = |table| Lines::begin(path(folder, table, &month.kept_as));
        Ok(Self { folder, month, calls: lines(HistoryTable::Calls)?, attempts: lines(HistoryTable::Attempts)?, bar })
    }

    /// What somebody needs to read the files without this program.
    fn describe(&self, sealed: &[Sealed; 2]) -> serde_json::Value {
        let file = |table: HistoryTable, sealed: &Sealed| {
            json!({
                "table": table.as_str(),
                "file": sealed.path.file_name().map(|name| name.to_string_lossy()),
                "rows": sealed.rows,
                "sha256": in_hex(&sealed.sha256),
                "content_sha256": in_hex(&sealed.content),
            })
        };
        let [calls, attempts] = sealed;
        json!({
            "format": "crochet-history-1",
            "month": self.month.kept_as,
            "from": self.month.from.map(|from| from.to_rfc3339()),
            "to": self.month.to.to_rfc3339(),
            "files": [file(HistoryTable::Calls, calls), file(HistoryTable::Attempts, attempts)],
        })
    }
}

impl ExportSink for Files<'_> {
    fn row(&mut self, table: HistoryTable, json: &str) -> io::Result<()> {
        self.bar.inc(1);
        match table {
            HistoryTable::Calls => self.calls.write(json),
            HistoryTable::Attempts => self.attempts.write(json),
        }
    }

    fn seal(&mut self) -> io::Result<ExportHashes> {
        let sealed = [self.calls.seal()?, self.attempts.seal()?];
        let path = manifest(self.folder, &self.month.kept_as);
        let mut file = File::create(&path)?;
        writeln!(file, "{:#}", self.describe(&sealed))?;
        file.sync_all()?;
        // The names are in the folder.
        File::open(self.folder)?.sync_all()?;
        let [calls, attempts] = sealed;
        Ok(ExportHashes { calls: calls.sha256, attempts: attempts.sha256 })
    }
}

/// One file while it is written.
struct Lines {
    path: PathBuf,
    unfinished: PathBuf,
    writer: Option<GzEncoder<BufWriter<File>>>,
    content: Sha256,
    rows: u64,
}

/// One file that is durable, and was read back.
struct Sealed {
    path: PathBuf,
    rows: u64,
    content: [u8; 32],
    sha256: [u8; 32],
}

impl Lines {
    fn begin(path: PathBuf) -> io::Result<Self> {
        if path.try_exists()? {
            let found = format!("{} is there already: move it away, unless it is the only one", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, found));
        }
        let unfinished = path.with_extension("gz.unfinished");
        let file = BufWriter::with_capacity(1 << 16, File::create(&unfinished)?);
        let writer = Some(GzEncoder::new(file, Compression::default()));
        Ok(Self { path, unfinished, writer, content: Sha256::new(), rows: 0 })
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        let Some(writer) = &mut self.writer else { return Err(io::Error::other("the file is sealed")) };
        writer.write_all(line.as_bytes())?;
        writer.write_all(b"\n")?;
        self.content.update(line.as_bytes());
        self.content.update(b"\n");
        self.rows = self.rows.saturating_add(1);
        Ok(())
    }

    fn seal(&mut self) -> io::Result<Sealed> {
        let Some(writer) = self.writer.take() else { return Err(io::Error::other("the file is sealed")) };
        let file = writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let content = std::mem::take(&mut self.content).finalize().into();
        if read_back(&self.unfinished)? != (self.rows, content) {
            return Err(io::Error::other(format!("{} is not what was written", self.unfinished.display())));
        }
        let sha256 = sha256(&self.unfinished)?;
        std::fs::rename(&self.unfinished, &self.path)?;
        Ok(Sealed { path: self.path.clone(), rows: self.rows, content, sha256 })
    }
}

/// How many lines a file has, and what they come to.
fn read_back(path: &Path) -> io::Result<(u64, [u8; 32])> {
    let mut lines = BufReader::with_capacity(1 << 16, MultiGzDecoder::new(File::open(path)?));
    let (mut content, mut rows, mut line) = (Sha256::new(), 0_u64, Vec::new());
    while lines.read_until(b'\n', &mut line)? > 0 {
        content.update(&line);
        rows = rows.saturating_add(1);
        line.clear();
    }
    Ok((rows, content.finalize().into()))
}

pub(super) fn in_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
