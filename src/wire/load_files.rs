//! The files that a load is carried in, by its name.

use super::load;

/// Names of the file that a phone asks for first when it is told to run `load`, the likeliest first; they are
/// alternatives. A load of which the family is not known may be any of the usual ones.
///
/// Unsigned images are `.bin`; signed ones a `.loads` list of their parts or, in their first years, a single `.sbn`;
/// the 7905, 7912 and the ATA have endings of their own (boot reference, sections 2.2 and 4). The ending is in lower
/// case, as all known sources have it.
pub fn names(load: &str) -> Vec<String> {
    if load::is_load_file(load).is_some() {
        return vec![load.to_owned()];
    }
    let family = load::family(load);
    let upper = load.to_ascii_uppercase();
    let endings: &[&str] = match family {
        _ if upper.starts_with("ATA") => &["zup"],
        _ if upper.starts_with("CP79") && upper.contains("SCCP") => &["sbin", "zup"],
        Some(load::Family { signed: Some(false), .. }) => &["bin"],
        Some(load::Family { signed: Some(true), .. }) if upper.starts_with('P') => &["loads", "sbn", "bin"],
        Some(_) if upper.starts_with('P') => &["loads", "bin", "sbn"],
        Some(_) => &["loads"],
        None => &["loads", "bin", "sbn"],
    };
    endings.iter().map(|ending| format!("{load}.{ending}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_has_the_files_of_its_family() {
        for (load, files) in [
            ("P00303020214", "P00303020214.bin"),
            ("P00308000500", "P00308000500.loads P00308000500.sbn P00308000500.bin"),
            ("P003AJ30", "P003AJ30.loads P003AJ30.bin P003AJ30.sbn"),
            ("P0S3-08-12-00", "P0S3-08-12-00.loads P0S3-08-12-00.bin P0S3-08-12-00.sbn"),
            ("SCCP41.8-5-2S", "SCCP41.8-5-2S.loads"),
            ("term06.default", "term06.default.loads"),
            ("CP7912080001SCCP060412A", "CP7912080001SCCP060412A.sbin CP7912080001SCCP060412A.zup"),
            ("ATA030204SCCP090202A", "ATA030204SCCP090202A.zup"),
            ("AJ.30", "AJ.30.loads AJ.30.bin AJ.30.sbn"),
            ("P00303020214.bin", "P00303020214.bin"),
        ] {
            assert_eq!(names(load).join(" "), files, "{load}");
        }
    }
}
