"""The checks of `tutelage doctor`: what can go wrong is found before money and hours are spent."""
