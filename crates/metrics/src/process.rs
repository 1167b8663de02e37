//! What the operating system knows of this process, under the names that Prometheus' own clients use.

use prometheus_client::registry::Registry;

/// Adds what can be read; nothing on systems without `/proc`.
pub(crate) fn register(registry: &mut Registry) {
    #[cfg(target_os = "linux")]
    // What cannot be read is left out: a scrape tells all the rest.
    let _ = linux::register(registry);
    #[cfg(not(target_os = "linux"))]
    let _ = registry;
}

#[cfg(target_os = "linux")]
mod linux {
    use std::time::Duration;

    use procfs::process::{LimitValue, Process};
    use procfs::{ProcResult, boot_time_secs, page_size, ticks_per_second};
    use prometheus_client::metrics::counter::ConstCounter;
    use prometheus_client::metrics::gauge::ConstGauge;
    use prometheus_client::registry::{Registry, Unit};

    pub(super) fn register(registry: &mut Registry) -> ProcResult<()> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let cpu = seconds(stat.utime.saturating_add(stat.stime));
        let help = "Total user and system CPU time spent in seconds";
        registry.register_with_unit("process_cpu", help, Unit::Seconds, ConstCounter::new(cpu.as_secs_f64()));
        let started = Duration::from_secs(boot_time_secs()?).saturating_add(seconds(stat.starttime));
        let help = "Start time of the process since unix epoch in seconds";
        let started = ConstGauge::new(started.as_secs_f64());
        registry.register_with_unit("process_start_time", help, Unit::Seconds, started);
        let resident = ConstGauge::new(stat.rss.saturating_mul(page_size()));
        registry.register_with_unit("process_resident_memory", "Resident memory size in bytes", Unit::Bytes, resident);
        let virtual_size = ConstGauge::new(stat.vsize);
        registry.register_with_unit(
            "process_virtual_memory",
            "Virtual memory size in bytes",
            Unit::Bytes,
            virtual_size,
        );
        let threads = u64::try_from(stat.num_threads).unwrap_or_default();
        registry.register("process_threads", "Number of OS threads", ConstGauge::new(threads));
        registry.register("process_open_fds", "Number of open file descriptors", ConstGauge::new(process.fd_count()?));
        if let LimitValue::Value(most) = process.limits()?.max_open_files.soft_limit {
            registry.register("process_max_fds", "Maximum number of open file descriptors", ConstGauge::new(most));
        }
        Ok(())
    }

    fn seconds(ticks: u64) -> Duration {
        let per_second = ticks_per_second().max(1);
        let rest = Duration::from_secs(ticks % per_second);
        Duration::from_secs(ticks / per_second).saturating_add(rest / u32::try_from(per_second).unwrap_or(u32::MAX))
    }
}
