print("stackelberg")
