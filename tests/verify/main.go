// A foreign verifier of a clinic's ledger: Go's standard library and golang.org/x/mod/sumdb, no line of ours.
//
// Follows C2SP tlog-tiles, tlog-checkpoint, tlog-cosignature and tlog-proof. Keeps: whether each claim holds. Drops:
// what the leaves speak of; that is report/FORMAT.md's business. Prints a line a claim; the first that does not hold
// ends it with exit status 1.
//
// Build: GO111MODULE=off GOPATH=/usr/share/gocode go build (Debian: golang-go golang-golang-x-mod-dev).
// Run: verify DIR, where DIR holds vkeys (the keeper's, then its witnesses'; nobody cosigns whom it does not name), checkpoint,
// checkpoint.old (of a review before; the first has none), proof, tile/.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: verify DIR")
		os.Exit(2)
	}
	if err := verify(folder(os.Args[1])); err != nil {
		fmt.Println("FAILED:", err)
		os.Exit(1)
	}
}

func verify(dir folder) error {
	keys, err := dir.keys()
	if err != nil {
		return fmt.Errorf("reading vkeys: %w", err)
	}
	now, err := dir.checkpoint("checkpoint", keys)
	if err != nil {
		return fmt.Errorf("reading checkpoint: %w", err)
	}
	hashes := tlog.TileHashReader(now, dir)
	before, err := dir.checkpoint("checkpoint.old", keys)
	if errors.Is(err, os.ErrNotExist) {
		fmt.Println("consistency: there is no checkpoint.old, nothing earlier to compare with")
		if err := dir.proof(keys, hashes); err != nil {
			return fmt.Errorf("proof: %w", err)
		}
		return dir.entries(now, now)
	}
	if err != nil {
		return fmt.Errorf("reading checkpoint.old: %w", err)
	}
	grown, err := tlog.ProveTree(now.N, before.N, hashes)
	if err != nil {
		return fmt.Errorf("proving consistency from tiles: %w", err)
	}
	if err := tlog.CheckTree(grown, now.N, now.Hash, before.N, before.Hash); err != nil {
		return fmt.Errorf("consistency of %d and %d: %w", before.N, now.N, err)
	}
	fmt.Printf("consistency: the first %d entries of %d are those of before, by %d hashes\n", before.N, now.N, len(grown))
	if err := dir.proof(keys, hashes); err != nil {
		return fmt.Errorf("proof: %w", err)
	}
	return dir.entries(now, before)
}

// A ledger's files.
type folder string

func (d folder) read(name string) ([]byte, error) { return os.ReadFile(filepath.Join(string(d), name)) }

// The keeper's key and its witnesses'; all of them must have signed.
func (d folder) keys() ([]note.Verifier, error) {
	text, err := d.read("vkeys")
	if err != nil {
		return nil, err
	}
	var keys []note.Verifier
	for at, vkey := range strings.Fields(string(text)) {
		key, err := note.NewVerifier(vkey)
		if at > 0 {
			key, err = newWitness(vkey)
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) < 1 {
		return nil, errors.New("want a keeper")
	}
	return keys, nil
}

func (d folder) checkpoint(name string, keys []note.Verifier) (tlog.Tree, error) {
	octets, err := d.read(name)
	if err != nil {
		return tlog.Tree{}, err
	}
	tree, err := open(octets, keys)
	if err == nil {
		fmt.Printf("%s: %d entries, signed by the keeper and %d witness\n", name, tree.N, len(keys)-1)
	}
	return tree, err
}

// One leaf's inclusion, from a proof that stands alone; and that a changed leaf is refused.
func (d folder) proof(keys []note.Verifier, hashes tlog.HashReader) error {
	octets, err := d.read("proof")
	if err != nil {
		return err
	}
	head, signed, found := bytes.Cut(octets, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("it is none")
	}
	leaf, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		path = append(path, hash)
	}
	tree, err := open(signed, keys)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(leaf)); err != nil {
		return err
	}
	own, err := tlog.ProveRecord(tree.N, index, hashes)
	if err != nil || len(own) != len(path) {
		return fmt.Errorf("Go's own proof has %d hashes, this one %d (%v)", len(own), len(path), err)
	}
	leaf[len(leaf)-1] ^= 1
	if tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(leaf)) == nil {
		return errors.New("a changed leaf was believed")
	}
	fmt.Printf("inclusion: entry %d stands in the ledger, by %d hashes; a changed one does not\n", index, len(path))
	return nil
}

// The whole tree again from the entries alone: both roots, and every hash of every tile. The reader of tiles above is not
// enough: x/mod 0.7.0 leaves some tiles unchecked (ReadHashes counts len(stx) tiles as checked where several of them are
// one), so a tile and its entries that are changed together would pass it.
func (d folder) entries(now, before tlog.Tree) error {
	var made stored
	for first := int64(0); first < now.N; first += 256 {
		width := now.N - first
		if width > 256 {
			width = 256
		}
		tile := path(tlog.Tile{H: 8, L: 0, N: first / 256, W: int(width)})
		bundle, err := d.read(strings.Replace(tile, "tile/0/", "tile/entries/", 1))
		if err != nil {
			return err
		}
		count := first
		for ; len(bundle) > 0; count++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("entry %d is cut", count)
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			hashes, err := tlog.StoredHashes(count, bundle[2:end], made)
			if err != nil {
				return err
			}
			made = append(made, hashes...)
			bundle = bundle[end:]
		}
		if count != first+width {
			return fmt.Errorf("%d entries where the checkpoint wants %d", count, first+width)
		}
	}
	for _, tree := range []tlog.Tree{before, now} {
		root, err := tlog.TreeHash(tree.N, made)
		if err != nil {
			return err
		}
		if root != tree.Hash {
			return fmt.Errorf("the first %d entries are not those that were signed", tree.N)
		}
	}
	tiles := tilesOf(now.N)
	for _, tile := range tiles {
		want, err := tlog.ReadTileData(tile, made)
		if err != nil {
			return err
		}
		octets, err := d.read(path(tile))
		if err != nil {
			return err
		}
		if !bytes.Equal(octets, want) {
			return fmt.Errorf("%s is not made of the entries", path(tile))
		}
	}
	fmt.Printf("entries: all %d, and %d tiles, are what was signed\n", now.N, len(tiles))
	return nil
}

// The tiles of a tree of this size.
func tilesOf(size int64) []tlog.Tile {
	var tiles []tlog.Tile
	for level := 0; size > 0; level, size = level+1, size/256 {
		for first := int64(0); first < size; first += 256 {
			width := size - first
			if width > 256 {
				width = 256
			}
			tiles = append(tiles, tlog.Tile{H: 8, L: level, N: first / 256, W: int(width)})
		}
	}
	return tiles
}

// Hashes in the order that tlog stores them.
type stored []tlog.Hash

func (s stored) ReadHashes(places []int64) ([]tlog.Hash, error) {
	read := make([]tlog.Hash, len(places))
	for at, place := range places {
		if place < 0 || place >= int64(len(s)) {
			return nil, fmt.Errorf("hash %d was not made yet", place)
		}
		read[at] = s[place]
	}
	return read, nil
}

// A checkpoint, if everybody of keys has signed it.
func open(octets []byte, keys []note.Verifier) (tlog.Tree, error) {
	signed, err := note.Open(octets, note.VerifierList(keys...))
	if err != nil {
		return tlog.Tree{}, err
	}
	if len(signed.Sigs) != len(keys) {
		return tlog.Tree{}, fmt.Errorf("%d of %d signatures", len(signed.Sigs), len(keys))
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != keys[0].Name() {
		return tlog.Tree{}, errors.New("not three lines of the keeper's ledger")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// What tlog asks of a reader of tiles.
func (d folder) Height() int                     { return 8 }
func (d folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (d folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		octets, err := d.read(path(tile))
		if err != nil {
			return nil, err
		}
		read = append(read, octets)
	}
	return read, nil
}

// C2SP's path of a tile: Go's own has the height in it.
func path(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
}

// A witness: its signature (kind 4) covers the time of signing too.
type witness struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func newWitness(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 33 || key[0] != 4 {
		return nil, errors.New("not a witness's Ed25519 key")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	id := binary.BigEndian.Uint32(sum[:4])
	if fmt.Sprintf("%08x", id) != parts[1] {
		return nil, errors.New("the key's id is not its own")
	}
	return witness{parts[0], id, key[1:]}, nil
}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.id }
func (w witness) Verify(text, signature []byte) bool {
	if len(signature) != 72 {
		return false
	}
	time := binary.BigEndian.Uint64(signature[:8])
	said := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, text)
	return ed25519.Verify(w.key, []byte(said), signature[8:])
}
