//! Well-known text, as far as links need it: `LINESTRING (lon lat, lon lat, …)`.
//!
//! OGC 06-103r4, section 7; two dimensions only.

/// The points of a line string, longitude first; the error says what is wrong.
pub(crate) fn line_string(text: &str) -> Result<Vec<(f64, f64)>, String> {
    let trimmed = text.trim();
    let keyword = trimmed.get(..10).unwrap_or_default();
    if !keyword.eq_ignore_ascii_case("LINESTRING") {
        return Err("it is no LINESTRING".to_owned());
    }
    let list = trimmed[10..]
        .trim_start()
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .ok_or("its points do not stand in brackets")?;
    let points = list.split(',').map(point).collect::<Result<Vec<_>, _>>()?;
    if points.len() < 2 {
        return Err("it has fewer than two points".to_owned());
    }
    Ok(points)
}

fn point(text: &str) -> Result<(f64, f64), String> {
    let mut words = text.split_whitespace().map(str::parse::<f64>);
    let (Some(Ok(lon)), Some(Ok(lat)), None) = (words.next(), words.next(), words.next()) else {
        return Err("a point is not two numbers".to_owned());
    };
    let on_globe = (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat);
    if on_globe { Ok((lon, lat)) } else { Err("a point lies outside the globe".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_string_has_two_points_or_more_on_the_globe() {
        assert_eq!(line_string("LINESTRING (24.9 60.1, 25 60.2)"), Ok(vec![(24.9, 60.1), (25.0, 60.2)]));
        assert_eq!(line_string("linestring(1 2,3 4)"), Ok(vec![(1.0, 2.0), (3.0, 4.0)]));
        for broken in [
            "",
            "POINT (1 2)",
            "LINESTRING",
            "LINESTRING (1 2)",
            "LINESTRING (1 2, 3)",
            "LINESTRING (1 2, 3 4",
            "LINESTRING (1 2, nan 4)",
            "LINESTRING (1 2, 181 4)",
            "LINESTRINGÄ (1 2, 3 4)",
            "LINESTRIN\u{e4}",
        ] {
            assert!(line_string(broken).is_err(), "{broken}");
        }
    }
}
