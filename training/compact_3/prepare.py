"""Pack the development films, and the ImageNet weights beside them, for training anywhere."""

import argparse
import os
from pathlib import Path

from safetensors.torch import save_file

from training.compact_3.films import development_films
from training.compact_3.packing import pack
from training.pretrain import imagenet_backbone


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m training.compact_3.prepare", description=__doc__
    )
    data = Path(os.environ.get("SEVERITY_TEST_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--out", type=Path, default=Path("work"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    films = development_films(options.data)
    pack(films, options.data, options.out / "films.npz")
    state = imagenet_backbone().state_dict()
    weights = {key: value for key, value in state.items() if not key.endswith("batches_tracked")}
    save_file(weights, options.out / "imagenet.safetensors")
    scored = sum(film.scored for film in films)
    print(f"{len(films)} films of {len({f.patient for f in films})} patients; {scored} scored")


if __name__ == "__main__":
    main()
