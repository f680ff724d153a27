//! Numbers and times in words, for all renderings.

use std::time::Duration;

use crate::types::Timestamp;

/// A number with commas between thousands.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The time of day in UTC, to the millisecond: `07:00:01.003`.
pub fn clock(time: Timestamp) -> String {
    time.to_string().get(11..23).unwrap_or_default().to_owned()
}

/// How long, to the second below an hour and to the minute above: `0.4 s`, `12 s`, `3 min 12 s`, `2 h 5 min`, `4 d 3 h`.
pub fn lasting(duration: Duration) -> String {
    let secs = duration.as_secs();
    let two = |big: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{big} {unit}"),
        _ => format!("{big} {unit} {small} {small_unit}"),
    };
    match secs {
        0 => format!("0.{} s", duration.subsec_millis() / 100),
        1..60 => format!("{secs} s"),
        60..3_600 => two(secs / 60, "min", secs % 60, "s"),
        3_600..86_400 => two(secs / 3_600, "h", secs % 3_600 / 60, "min"),
        _ => two(secs / 86_400, "d", secs % 86_400 / 3_600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_as_exact_as_it_matters() {
        let said = [0.42, 12.9, 60.0, 192.0, 7_500.0, 356_400.0].map(|s| lasting(Duration::from_secs_f64(s)));
        assert_eq!(said, ["0.4 s", "12 s", "1 min", "3 min 12 s", "2 h 5 min", "4 d 3 h"]);
    }
}
