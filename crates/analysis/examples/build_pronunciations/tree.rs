//! Grows the letter-to-sound context tree.

use std::collections::{BTreeMap, HashMap, VecDeque};

use leitmotif_analysis::lyrics::phonemes::{CONTEXT_OFFSETS, Phoneme, context_symbol};

use crate::align::Aligned;

/// Contexts seen in fewer words are left to their shorter neighbour: they cost bytes and learn
/// accidents.
const INSTANCE_COUNT_MIN: usize = 2;

struct Instance {
    context: [u8; CONTEXT_OFFSETS.len()],
    sound: u16,
}

struct Node {
    symbol: u8,
    sound: u16,
    children: Vec<Node>,
}

/// The grown tree.
pub struct Tree {
    sound_table: Vec<Vec<Phoneme>>,
    root: Node,
}

pub fn learn(words: &[Aligned]) -> Tree {
    let mut counts: HashMap<&[Phoneme], usize> = HashMap::new();
    for sound in words.iter().flat_map(|word| &word.sounds) {
        *counts.entry(sound).or_default() += 1;
    }
    let mut ranked: Vec<(&[Phoneme], usize)> = counts.into_iter().collect();
    ranked.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
    let places: HashMap<&[Phoneme], u16> = ranked
        .iter()
        .enumerate()
        .map(|(place, (sound, _))| (*sound, place as u16))
        .collect();
    let mut instances = Vec::new();
    for word in words {
        for (index, sound) in word.sounds.iter().enumerate() {
            let context =
                CONTEXT_OFFSETS.map(|offset| context_symbol(&word.symbols, index, offset));
            instances.push(Instance {
                context,
                sound: places[sound.as_slice()],
            });
        }
    }
    let all: Vec<&Instance> = instances.iter().collect();
    let root = grow(0, 0, &all);
    Tree {
        sound_table: ranked.iter().map(|(sound, _)| sound.to_vec()).collect(),
        root,
    }
}

fn commonest(instances: &[&Instance]) -> (u16, bool) {
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for instance in instances {
        *counts.entry(instance.sound).or_default() += 1;
    }
    let best = counts
        .iter()
        .max_by(|left, right| left.1.cmp(right.1).then(right.0.cmp(left.0)));
    (best.map_or(0, |(sound, _)| *sound), counts.len() == 1)
}

fn grow(symbol: u8, depth: usize, instances: &[&Instance]) -> Node {
    let (sound, is_pure) = commonest(instances);
    let mut node = Node {
        symbol,
        sound,
        children: Vec::new(),
    };
    if is_pure || depth == CONTEXT_OFFSETS.len() {
        return node;
    }
    let mut groups: BTreeMap<u8, Vec<&Instance>> = BTreeMap::new();
    for instance in instances {
        groups
            .entry(instance.context[depth])
            .or_default()
            .push(instance);
    }
    for (symbol, group) in groups {
        if depth > 0 && group.len() < INSTANCE_COUNT_MIN {
            continue;
        }
        let child = grow(symbol, depth + 1, &group);
        if depth == 0 || !child.children.is_empty() || child.sound != sound {
            node.children.push(child);
        }
    }
    node
}

impl Tree {
    /// Returns the packed streams in file order.
    pub fn streams(&self) -> Vec<Vec<u8>> {
        let codes: Vec<Vec<u8>> = self
            .sound_table
            .iter()
            .map(|sound| sound.iter().map(|phoneme| phoneme.code()).collect())
            .collect();
        let mut streams = vec![codes.join(&u8::MAX)];
        let mut columns = vec![Vec::new(); 4];
        let mut queue = VecDeque::from([&self.root]);
        while let Some(node) = queue.pop_front() {
            let [low, high] = node.sound.to_le_bytes();
            for (column, value) in
                columns
                    .iter_mut()
                    .zip([node.symbol, low, high, node.children.len() as u8])
            {
                column.push(value);
            }
            queue.extend(&node.children);
        }
        streams.extend(columns);
        streams
    }
}
