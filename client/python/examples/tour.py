"""Every RPC once: python tour.py. The server is at PIXELZOO_TARGET, or on this machine.

The marked parts are the examples of docs/api.md. Each prints its RPC's name first.
"""

# [Connect]
from zoo_client import Client, Image, ImageScores, Progress

zoo = Client()  # the server at PIXELZOO_TARGET, or else localhost:50051
# [/Connect]

# [ListModels]
models = zoo.models()
print("ListModels:", *[model.name for model in models])
# [/ListModels]

# [GetModel]
model = zoo.model("ddpm_fashion_mnist")
print("GetModel:", model.card.title, model.classes)
# [/GetModel]

# [Sample]
samples = zoo.sample("ddpm_fashion_mnist", seed=9, labels="Sneaker", sampler="ddim", steps=20)
samples[0].save("sneaker.png")
print("Sample:", samples.images.shape, samples[0].recipe)
sneaker = samples[0].pixels
# [/Sample]

# [StreamSample]
for event in zoo.stream_sample("ddpm_fashion_mnist", 2, labels="Bag", steps=20):
    match event:
        case Progress(step=step, steps=steps):
            print(f"StreamSample: {step} of {steps} steps")
        case Image():
            event.save(f"bag-{event.index}.png")
# [/StreamSample]

# [Translate]
boot = zoo.translate("cyclegan_fashion_mnist", sneaker, direction="a_to_b")[0]
boot.save("boot.png")
print("Translate:", boot.pixels.shape)
# [/Translate]

# [StreamTranslate]
for event in zoo.stream_translate("ddpm_fashion_mnist", sneaker, labels="Sneaker", strength=0.5, steps=20):
    match event:
        case Progress(step=step, steps=steps):
            print(f"StreamTranslate: {step} of {steps} steps")
        case Image():
            event.save("variation.png")
# [/StreamTranslate]

# [Score]
scores = zoo.score("vae_fashion_mnist", [sneaker, boot.pixels])
print("Score:", scores.primary.name, scores.values(scores.primary.name), scores.primary.unit)
# [/Score]

# [StreamScore]
for told in zoo.stream_score("ddpm_fashion_mnist", sneaker, "Sneaker", timesteps=8):
    match told:
        case Progress(step=step, steps=steps):
            print(f"StreamScore: {step} of {steps} steps")
        case ImageScores():
            print("StreamScore:", told.values)
# [/StreamScore]

# [Encode]
latents = zoo.encode("vae_fashion_mnist", sneaker)
print("Encode:", latents.shape, latents.dtype)
# [/Encode]

# [Decode]
pictures = zoo.decode("vae_fashion_mnist", latents)
print("Decode:", pictures.shape)
# [/Decode]

# [Interpolate]
way = zoo.interpolate("vae_fashion_mnist", sneaker, boot.pixels, 5, method="spherical")
print("Interpolate:", way.shape)
# [/Interpolate]
zoo.close()
