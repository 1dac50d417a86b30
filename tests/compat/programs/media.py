"""Pictures and films: decoded frames must be the same as without the library."""

from ..program import program
from ..run import digest, read

FRAME_SIZE = "640x360"
FRAME_RATE = 25


def film(run, name, start, *codec):
    """Encodes a generated film with sound; the value is the hash of what decoding it gives."""
    seconds = run.size(3, 12, 60)
    path = run.path(name)
    start("ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i",
          f"testsrc2=size={FRAME_SIZE}:rate={FRAME_RATE}:duration={seconds}", "-f", "lavfi", "-i",
          f"sine=frequency=440:duration={seconds}", "-threads", "2", "-flags", "+bitexact", *codec, path)
    return frame_hash(start, "-i", path)


def frame_hash(start, *source):
    """The hash of every decoded picture."""
    return start("ffmpeg", "-nostdin", "-v", "error", *source, "-map", "0:v", "-pix_fmt", "yuv420p", "-f", "hash",
                 "-hash", "sha256", "-").text


@program("ffmpeg", does="films encoded and decoded; hashes of the frames", needs=[("ffmpeg", "ffmpeg")],
         loaded=["ffmpeg"], version=("ffmpeg", "-version"))
def ffmpeg(run):
    codecs = {"lossless.mkv": ["-c:v", "ffv1", "-slices", "4", "-c:a", "flac"],
              "x264.mkv": ["-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"],
              "mpeg4.avi": ["-c:v", "mpeg4", "-c:a", "mp2", "-vf", "scale=320:180,hue=h=90"]}
    for name, codec in codecs.items():
        wanted = run.reference(name, lambda: film(run, "plain-" + name, run.plain, *codec))
        run.equal(f"the frames of {name}", film(run, name, run.guarded, *codec), wanted)
    frames = run.size(3, 12, 60) * FRAME_RATE
    run.did = f"{frames} frames as ffv1, H.264 and MPEG-4 with sound and filters; hashes as without"


PICTURE = ("-seed", "7", "-size", "800x600", "plasma:tomato-steelblue")
CHANGES = (("-resize", "60%", "-rotate", "33", "-blur", "0x4"), ("-colorspace", "Lab", "-equalize", "-colorspace", "sRGB"),
           ("-implode", "0.4", "-sharpen", "0x1"), ("-quantize", "YIQ", "-colors", "64", "-dither", "FloydSteinberg"),
           ("-distort", "Arc", "120", "-trim", "+repage"), ("-statistic", "Median", "5x5"))


def pictures(run, name, start, changes):
    """Draws a picture, changes it in several ways, writes it in several formats; the value is the pixels' hash."""
    result = []
    for number, change in enumerate(changes):
        path = run.path(f"{name}{number}.ppm")
        start("convert", *PICTURE, *change, "-depth", "8", path)
        for kind in ("png", "tiff"):
            packed = run.path(f"{name}{number}.{kind}")
            start("convert", path, packed)
            back = run.path("back.ppm")
            start("convert", packed, "-depth", "8", back)
            result.append(digest(read(back)))
        run.equal("pixels through PNG and TIFF", set(result[-2:]), {digest(read(path))})
    return result


@program("imagemagick", does="pictures drawn, changed and converted", needs=[("convert", "imagemagick")],
         loaded=["convert"])
def imagemagick(run):
    changes = CHANGES[:run.size(2, len(CHANGES))]
    wanted = run.reference("pixels", lambda: pictures(run, "plain", run.plain, changes))
    run.equal("the pixels", pictures(run, "guarded", run.guarded, changes), wanted)
    run.did = f"{len(changes)} ways to change a picture, through PNG and TIFF; pixels as without"
