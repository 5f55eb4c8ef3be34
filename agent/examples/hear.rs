fn main() {
    for f in std::env::args().skip(1) {
        let o = std::fs::File::open(&f).unwrap();
        let mut s = auscult_agent::sensor::Sensor::new(auscult_agent::sensor::Settings {
            places: auscult_agent::places::Places::new(vec![(
                "192.168.20.0/24".parse().unwrap(),
                auscult_report::zone::Zone::SameSegment,
            )]),
            ..Default::default()
        });
        let mut c = auscult_agent::capture::file::CaptureFile::open(o).unwrap();
        let e = c.each(|f, _| s.hear(f));
        let m = s.close();
        println!("== {f} {e:?} {:?}", m.counters);
        if std::env::var_os("Q").is_none() {
            for g in &m.sightings {
                let mut t = format!("{g:?}");
                for h in s.hosts().iter() {
                    t = t.replace(&format!("HostId({})", h.id.0), &h.address.to_string());
                }
                println!("{t}");
            }
        }
    }
}
