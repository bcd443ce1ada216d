//! Which documents hold a term: numbers and counts, packed.

/// Documents between two entry points of a list. Passing over 128 postings costs what one missed
/// cache line does.
const BLOCK: u32 = 128;

/// The documents of one term in ascending order, each with a byte: how often it occurs.
#[derive(Debug, Clone, Default)]
pub struct Postings {
    /// Gaps as variable-length integers, each followed by its byte.
    bytes: Vec<u8>,
    /// Of every block after the first: its first document, and where its bytes begin.
    blocks: Vec<(u32, u32)>,
    last: u32,
    count: u32,
}

impl Postings {
    /// Appends a document; its number is larger than all before.
    pub fn push(&mut self, document: u32, weight: u8) {
        let gap = if self.count == 0 {
            document
        } else {
            document - self.last
        };
        if self.count > 0 && self.count.is_multiple_of(BLOCK) {
            // A list beyond 4 GiB is out of reach: documents are u32, a posting is 2 to 6 bytes, and
            // one term in each of 700 million documents is no catalogue.
            let offset = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
            self.blocks.push((document, offset));
        }
        push_varint(&mut self.bytes, gap);
        self.bytes.push(weight);
        self.last = document;
        self.count += 1;
    }

    /// Documents in the list, those removed since among them.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Calls for every posting, in order.
    pub fn for_each(&self, mut visit: impl FnMut(u32, u8)) {
        let mut rest = self.bytes.as_slice();
        let mut document = 0;
        while let Some((gap, weight)) = read(&mut rest) {
            document += gap;
            visit(document, weight);
        }
    }

    /// Calls for the postings of ascending documents, passing over blocks that hold none of them.
    pub fn for_each_of(&self, documents: &[u32], mut visit: impl FnMut(u32, u8)) {
        let mut wanted = documents.iter().copied().peekable();
        let mut block = 0;
        while let Some(&next) = wanted.peek() {
            // The last block that begins at or before the wanted document.
            block += self.blocks[block..].partition_point(|&(first, _)| first <= next);
            let (from, base) = self.block_start(block);
            let to = (self.blocks.get(block)).map_or(self.bytes.len(), |&(_, to)| to as usize);
            let until = self.blocks.get(block).map_or(u32::MAX, |&(first, _)| first);
            let mut rest = &self.bytes[from..to];
            let mut document = base;
            let mut is_first = block > 0;
            while let Some((gap, weight)) = read(&mut rest) {
                document = if is_first { base } else { document + gap };
                is_first = false;
                while wanted.next_if(|&wanted| wanted < document).is_some() {}
                if wanted.next_if_eq(&document).is_some() {
                    visit(document, weight);
                }
            }
            while wanted.next_if(|&wanted| wanted < until).is_some() {}
            if block == self.blocks.len() {
                return;
            }
        }
    }

    /// Where block `block` begins, and its first document; 0 for the first, whose gap says it.
    fn block_start(&self, block: usize) -> (usize, u32) {
        match block.checked_sub(1).and_then(|b| self.blocks.get(b)) {
            Some(&(first, offset)) => (offset as usize, first),
            None => (0, 0),
        }
    }

    /// Gives back what growing left over.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.blocks.shrink_to_fit();
    }

    /// Bytes on the heap.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.blocks.capacity() * size_of::<(u32, u32)>()
    }
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads a gap and its byte; nothing at the end.
#[inline]
fn read(rest: &mut &[u8]) -> Option<(u32, u8)> {
    let (&first, mut tail) = rest.split_first()?;
    let mut value = u32::from(first & 0x7F);
    let (mut byte, mut shift) = (first, 7);
    while byte & 0x80 != 0 {
        let (&next, after) = tail.split_first()?;
        value |= u32::from(next & 0x7F) << shift;
        (byte, tail, shift) = (next, after, shift + 7);
    }
    let (&weight, tail) = tail.split_first()?;
    *rest = tail;
    Some((value, weight))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_pushed_is_read(
            gaps in proptest::collection::vec((1u32..300_000, any::<u8>()), 0..700),
            stride in 1usize..40,
        ) {
            let mut document = 0;
            let mut list = Postings::default();
            let mut pushed = Vec::new();
            for (gap, weight) in gaps {
                document += gap;
                list.push(document, weight);
                pushed.push((document, weight));
            }
            let mut read = Vec::new();
            list.for_each(|document, weight| read.push((document, weight)));
            prop_assert_eq!(&read, &pushed);
            let mut wanted: Vec<u32> = pushed.iter().step_by(stride).map(|p| p.0).collect();
            wanted.extend(pushed.iter().step_by(7).map(|p| p.0 + 1));
            wanted.sort_unstable();
            wanted.dedup();
            let expected: Vec<_> = pushed.iter().copied()
                .filter(|p| wanted.binary_search(&p.0).is_ok()).collect();
            let mut some = Vec::new();
            list.for_each_of(&wanted, |document, weight| some.push((document, weight)));
            prop_assert_eq!(some, expected);
        }
    }

    #[test]
    fn document_zero_is_a_document() {
        let mut list = Postings::default();
        list.push(0, 9);
        list.push(1, 8);
        let mut read = Vec::new();
        list.for_each_of(&[0, 1, 2], |document, weight| read.push((document, weight)));
        assert_eq!((read, list.count()), (vec![(0, 9), (1, 8)], 2));
    }
}
