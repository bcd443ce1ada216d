//! Keys and chords on the circle of fifths.

/// Pitch classes by the names that the harmony analyzer writes, and by their flats.
const PITCHES: [(&str, usize); 17] = [
    ("C", 0),
    ("C#", 1),
    ("Db", 1),
    ("D", 2),
    ("D#", 3),
    ("Eb", 3),
    ("E", 4),
    ("F", 5),
    ("F#", 6),
    ("Gb", 6),
    ("G", 7),
    ("G#", 8),
    ("Ab", 8),
    ("A", 9),
    ("A#", 10),
    ("Bb", 10),
    ("B", 11),
];

/// Majors of the circle from C on, clockwise, with the relative minor of each.
pub const CIRCLE: [(&str, &str); 12] = [
    ("C", "A"),
    ("G", "E"),
    ("D", "B"),
    ("A", "F#"),
    ("E", "C#"),
    ("B", "G#"),
    ("F#", "D#"),
    ("C#", "A#"),
    ("G#", "F"),
    ("D#", "C"),
    ("A#", "G"),
    ("F", "D"),
];

/// A place on the circle: hours clockwise from C major, on the outer ring or the inner one of minors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// 0 for C major and A minor, 1 for G major and E minor.
    pub hour: usize,
    /// Whether it is minor.
    pub is_minor: bool,
}

impl Place {
    /// The place of a tonic and a mode.
    pub fn of(tonic: &str, is_minor: bool) -> Option<Self> {
        let (_, pitch) = PITCHES.iter().find(|(name, _)| *name == tonic)?;
        let major = pitch + if is_minor { 3 } else { 0 };
        Some(Self {
            hour: major * 7 % 12,
            is_minor,
        })
    }

    /// Reads `A minor`.
    pub fn named(text: &str) -> Option<Self> {
        let (tonic, mode) = text.split_once(' ')?;
        match mode {
            "major" => Self::of(tonic, false),
            "minor" => Self::of(tonic, true),
            _ => None,
        }
    }

    /// Reads `A:min` as a chord is written.
    pub fn of_chord(text: &str) -> Option<Self> {
        let (root, mode) = text.split_once(':')?;
        match mode {
            "maj" => Self::of(root, false),
            "min" => Self::of(root, true),
            _ => None,
        }
    }

    /// The places that mix well with it: both neighbours on its ring, and its relative.
    pub fn neighbours(self) -> [Self; 3] {
        let on_ring = |hour: usize| Self {
            hour: hour % 12,
            ..self
        };
        let relative = Self {
            is_minor: !self.is_minor,
            ..self
        };
        [on_ring(self.hour + 11), on_ring(self.hour + 1), relative]
    }

    /// `A minor`.
    pub fn name(self) -> String {
        let (major, minor) = CIRCLE[self.hour % CIRCLE.len()];
        if self.is_minor {
            format!("{minor} minor")
        } else {
            format!("{major} major")
        }
    }
}

/// The place of a root on the circle of fifths from C on, which is its colour: C 0, G 1, D 2.
pub fn fifth_of(root: &str) -> Option<usize> {
    Place::of(root, false).map(|place| place.hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_places_agree_all_around() {
        for (hour, (major, minor)) in CIRCLE.into_iter().enumerate() {
            for (tonic, is_minor) in [(major, false), (minor, true)] {
                let place = Place::of(tonic, is_minor).unwrap();
                assert_eq!(place, Place { hour, is_minor }, "{tonic}");
                assert_eq!(Place::named(&place.name()), Some(place));
            }
        }
        let names = |text: &str| Place::named(text).unwrap().neighbours().map(Place::name);
        assert_eq!(names("A minor"), ["D minor", "E minor", "C major"]);
        assert_eq!(names("C major"), ["F major", "G major", "A minor"]);
        assert_eq!(Place::named("Bb major"), Place::named("A# major"));
        assert_eq!(fifth_of("D"), Some(2));
        for wrong in ["", "H minor", "A dorian", "A", "<b> minor"] {
            assert_eq!(Place::named(wrong), None, "{wrong}");
        }
    }
}
