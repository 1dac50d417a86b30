"""Shells, cryptography and the allocator's own stress program."""

import hashlib
import re

from ..program import program
from ..run import digest, read


@program("bash", does="a script with many forks and growing strings", needs=[("bash", "bash")], loaded=["bash"])
def bash(run):
    rounds = run.size(150, 800, 4_000)
    printed = run.guarded("bash", run.input("forks.sh"), rounds).text
    total = sum(number * number for number in range(1, rounds + 1))
    wanted = f"sum {total}\nkeys {min(rounds, 97)}\nlength {sum(len(str(n)) + 1 for n in range(1, rounds + 1))}\n" \
             f"jobs {rounds // 10}\nlast {rounds:05d}\n"
    run.equal("what the script printed", printed, wanted)
    run.did = f"{rounds * 3:,} forks, pipes, arrays, background jobs; sums"


@program("openssl", does="keys, signatures, certificates, ciphers", needs=[("openssl", "openssl")], loaded=["openssl"],
         version=("openssl", "version"))
def openssl(run):
    data = bytes(number * number % 251 for number in range(1_000_003)) * run.size(4, 20, 80)
    run.write("data", data)
    for name, options in run.size(SIGNERS[1:], SIGNERS):
        sign_and_verify(run, name, options)
    printed = run.guarded("openssl", "dgst", "-sha512", "-r", "data").text
    run.equal("the digest", printed.split()[0], hashlib.sha512(data).hexdigest())
    for cipher in ("aes-256-cbc", "chacha20"):
        secret = ("-" + cipher, "-pbkdf2", "-pass", "pass:secret")
        run.guarded("openssl", "enc", "-e", *secret, "-in", "data", "-out", "sealed")
        run.guarded("openssl", "enc", "-d", *secret, "-in", "sealed", "-out", "opened")
        run.check(read(run.path("sealed")) != data, f"{cipher} left the data as it was")
        run.equal(f"the data after {cipher}", digest(read(run.path("opened"))), digest(data))
    certify(run)
    run.guarded("openssl", "speed", "-seconds", "1", "-multi", "2", "-evp", "sha256")
    run.did = f"{len(data) >> 20} MB hashed and ciphered, keys made, signed, verified, forgery refused, certificates"


SIGNERS = (("rsa", ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072")),
           ("ec", ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")),
           ("rsa-short", ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")))


def sign_and_verify(run, name, options):
    """A key, a signature that fits, and one that must not."""
    run.guarded("openssl", "genpkey", *options, "-out", f"{name}.pem")
    run.guarded("openssl", "pkey", "-in", f"{name}.pem", "-pubout", "-out", f"{name}.pub")
    run.guarded("openssl", "dgst", "-sha256", "-sign", f"{name}.pem", "-out", f"{name}.sig", "data")
    verify = ("openssl", "dgst", "-sha256", "-verify", f"{name}.pub", "-signature", f"{name}.sig")
    run.check("Verified OK" in run.guarded(*verify, "data").text, f"the {name} signature does not fit")
    run.write("forged", b"not the data")
    run.check("Verified OK" not in run.guarded(*verify, "forged", expect=1).text, "a forgery was accepted")


def certify(run):
    """An authority, a certificate from it, and the check of the chain."""
    run.guarded("openssl", "req", "-x509", "-key", "ec.pem", "-subj", "/CN=authority", "-days", "3", "-out", "ca.pem")
    run.guarded("openssl", "req", "-new", "-key", "rsa-short.pem", "-subj", "/CN=server", "-out", "server.csr")
    run.guarded("openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ec.pem", "-days", "2",
                "-CAcreateserial", "-out", "server.pem")
    run.check("OK" in run.guarded("openssl", "verify", "-CAfile", "ca.pem", "server.pem").text, "the chain is refused")


# The stressor writes 8 bytes into every block, also into those from calloc(n, len / n) that are shorter: a heap overflow
# of its own, which canaries find. With these seeds it does not happen within so many operations of one thread; threads
# share the generator, so there blocks are so large that it is improbable.
STRESS_SEEDS = (1, 4, 6, 7, 8)
STRESS_OPERATIONS = 150_000


@program("stress-ng", does="its malloc stressor with --verify", needs=[("stress-ng", "stress-ng")], loaded=["stress-ng"],
         hint="'heap overflow ... requested' 0 to 7 is stress-ng's own: it writes 8 bytes into such blocks (docs/compatibility.md)")
def stress_ng(run):
    operations = run.size(20_000, STRESS_OPERATIONS)
    seeds = STRESS_SEEDS[:run.size(1, 1, len(STRESS_SEEDS))]
    for seed in seeds:
        stress(run, operations, "--seed", seed, "--malloc-max", "20000")
        stress(run, operations, "--seed", seed, "--malloc-max", "2000", "--malloc-touch")
        stress(run, operations // 15, "--malloc-max", "300", "--malloc-bytes", "8m", "--malloc-pthreads", "2")
    run.did = f"--malloc 2 --verify, {operations * 2 * len(seeds):,} operations, and large blocks with threads"


def stress(run, operations, *form):
    """One run of the stressor in two processes."""
    done = run.guarded("stress-ng", "--malloc", "2", "--malloc-ops", operations, *form, "--verify", "--metrics-brief",
                       "--temp-path", run.path("tmp"), "--timeout", "150")
    said = done.text + done.err
    run.check("successful run completed" in said, "no successful run reported")
    run.check("fail" not in said.replace("failed: 0", ""), "a failure is reported")
    counted = re.search(r"\] malloc +(\d+) ", said)
    run.check(counted and int(counted.group(1)) >= operations, "fewer operations than asked for")
