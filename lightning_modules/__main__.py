"""`python -m lightning_modules fit --config train.yaml`: what `tutelage train` runs, without the rest of the face."""

import sys

from lightning_modules.cli import train

train(sys.argv[1:])
